"""Estimators about an autoencoder: the outlier detector and its parts, and drift."""

from ._calibration import Calibration, rows_needed, share_of
from ._column_answers import ColumnAnswers
from ._drift_detector import DriftDetector
from ._drift_result import DriftResult
from ._held_out_folds import Folds
from ._outlier_detector import AutoencoderOutlierDetector
from ._outlier_scores import (
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)
from ._score_modules import EnsembleScores

__all__ = [
    "AutoencoderOutlierDetector",
    "Calibration",
    "ColumnAnswers",
    "DriftDetector",
    "DriftResult",
    "EnsembleScores",
    "Folds",
    "LikelihoodScore",
    "MahalanobisScore",
    "MixtureScore",
    "ReconstructionScore",
    "rows_needed",
    "share_of",
]
