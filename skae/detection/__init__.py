"""Estimators about an autoencoder: the outlier detector and its parts, and drift."""

from ._calibration import Calibration, rows_needed, share_of
from ._drift_detector import DriftDetector
from ._gaussian_distances import GaussianDistances
from ._held_out_folds import Folds
from ._outlier_detector import AutoencoderOutlierDetector
from ._outlier_scores import (
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)
from ._reference_rows import ReferenceDistances

__all__ = [
    "AutoencoderOutlierDetector",
    "Calibration",
    "DriftDetector",
    "Folds",
    "GaussianDistances",
    "LikelihoodScore",
    "MahalanobisScore",
    "MixtureScore",
    "ReconstructionScore",
    "ReferenceDistances",
    "rows_needed",
    "share_of",
]
