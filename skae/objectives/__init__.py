"""What training minimises: losses and penalties, as torch modules."""

from ._contraction import ContractiveObjective
from ._corruption import NOISES, Corruption
from ._losses import LOSSES, Loss
from ._nested_dropout import NestedDropout, first_components, length_probabilities
from ._objective import Objective
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._warm_up import WarmUp
from ._weight_penalty import WeightPenalty

__all__ = [
    "LOSSES",
    "NOISES",
    "ContractiveObjective",
    "Corruption",
    "Loss",
    "NestedDropout",
    "Objective",
    "RandomSource",
    "ReconstructionObjective",
    "WarmUp",
    "WeightPenalty",
    "first_components",
    "length_probabilities",
]
