"""Losses and penalties that training minimises, as torch modules."""

from ._adversarial import Adversary
from ._bounds import (
    balanced_draws,
    evidence_lower_bound,
    importance_weighted_bound,
    log_weight,
    posterior_of,
)
from ._contraction import ContractiveObjective
from ._corruption import NOISES, Corruption
from ._kl_sparsity import KLSparsity, TargetActivationObjective
from ._losses import LOSSES, Loss
from ._nested_dropout import NestedDropout, first_components, length_probabilities
from ._objective import Head, Objective
from ._priors import PRIORS
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._sparsity import L1Sparsity, UnitColumnsObjective, UnusedUnitBoost
from ._variational import LEAST_NOISE, GaussianNoise, PosteriorDraw, VariationalObjective
from ._warm_up import WarmUp
from ._weight_penalty import WeightPenalty

__all__ = [
    "LEAST_NOISE",
    "LOSSES",
    "NOISES",
    "PRIORS",
    "Adversary",
    "ContractiveObjective",
    "Corruption",
    "GaussianNoise",
    "Head",
    "KLSparsity",
    "L1Sparsity",
    "Loss",
    "NestedDropout",
    "Objective",
    "PosteriorDraw",
    "RandomSource",
    "ReconstructionObjective",
    "TargetActivationObjective",
    "UnitColumnsObjective",
    "UnusedUnitBoost",
    "VariationalObjective",
    "WarmUp",
    "WeightPenalty",
    "balanced_draws",
    "evidence_lower_bound",
    "first_components",
    "importance_weighted_bound",
    "length_probabilities",
    "log_weight",
    "posterior_of",
]
