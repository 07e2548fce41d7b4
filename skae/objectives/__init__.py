"""What training minimises: losses and penalties, as torch modules."""

from ._corruption import NOISES, Corruption
from ._losses import LOSSES, Loss
from ._objective import Objective
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._sparsity import KLSparsity, L1Sparsity, TakingTurns, UnitColumnsObjective
from ._warm_up import WarmUp
from ._weight_penalty import WeightPenalty

__all__ = [
    "LOSSES",
    "NOISES",
    "Corruption",
    "KLSparsity",
    "L1Sparsity",
    "Loss",
    "Objective",
    "RandomSource",
    "ReconstructionObjective",
    "TakingTurns",
    "UnitColumnsObjective",
    "WarmUp",
    "WeightPenalty",
]
