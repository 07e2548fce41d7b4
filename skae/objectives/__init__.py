"""Losses and penalties that training minimises, as torch modules.

Shared objectives are exported here; a variant's own objective is imported from its file.
"""

from ._borrowed_gaps import BorrowedGaps
from ._column_losses import ColumnLosses
from ._corruption import NOISES, Corruption, NoiseName
from ._losses import LOSSES, Loss, LossName
from ._objective import Head, Objective
from ._observed_loss import over_observed
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._weight_penalty import WeightPenalty

__all__ = [
    "LOSSES",
    "NOISES",
    "BorrowedGaps",
    "ColumnLosses",
    "Corruption",
    "Head",
    "Loss",
    "LossName",
    "NoiseName",
    "Objective",
    "RandomSource",
    "ReconstructionObjective",
    "WeightPenalty",
    "over_observed",
]
