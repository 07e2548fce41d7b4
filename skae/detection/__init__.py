"""Estimators about an autoencoder: the outlier detector and its parts, and drift."""

from ._calibration import Calibration, rows_needed, share_of
from ._drift_detector import DriftDetector
from ._held_out_folds import Folds
from ._outlier_detector import AutoencoderOutlierDetector
from ._outlier_scores import (
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)
from ._robust_gaussians import Gaussian, RobustGaussians

__all__ = [
    "AutoencoderOutlierDetector",
    "Calibration",
    "DriftDetector",
    "Folds",
    "Gaussian",
    "LikelihoodScore",
    "MahalanobisScore",
    "MixtureScore",
    "ReconstructionScore",
    "RobustGaussians",
    "rows_needed",
    "share_of",
]
