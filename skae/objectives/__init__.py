"""Losses and penalties that training minimises, as torch modules.

Shared objectives are exported here; a variant's own objective is imported from its file.
"""

from ._borrowed_gaps import BorrowedGaps
from ._class_prior import ClassPrior
from ._classes import best_classes
from ._column_losses import ColumnLosses
from ._column_residuals import column_residuals, shares_of
from ._corruption import NOISES, Corruption, NoiseName
from ._count_losses import LEAST_SHARE, CountLoss, NegativeBinomial
from ._gap_filling import GapFillingObjective
from ._label_losses import LABEL_LOSSES, LabelLoss
from ._losses import LOSSES, SQUARED_ERROR, Loss, LossName
from ._objective import Head, Objective, TableLoss
from ._observed_loss import over_observed
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._supervised import SupervisedObjective
from ._virtual_adversary import VirtualAdversary
from ._weight_penalty import WeightPenalty

__all__ = [
    "LABEL_LOSSES",
    "LEAST_SHARE",
    "LOSSES",
    "NOISES",
    "SQUARED_ERROR",
    "BorrowedGaps",
    "ClassPrior",
    "ColumnLosses",
    "Corruption",
    "CountLoss",
    "GapFillingObjective",
    "Head",
    "LabelLoss",
    "Loss",
    "LossName",
    "NegativeBinomial",
    "NoiseName",
    "Objective",
    "RandomSource",
    "ReconstructionObjective",
    "SupervisedObjective",
    "TableLoss",
    "VirtualAdversary",
    "WeightPenalty",
    "best_classes",
    "column_residuals",
    "over_observed",
    "shares_of",
]
