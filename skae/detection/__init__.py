"""Estimators about an autoencoder: the outlier detector and its parts, and drift."""

from ._calibration import Calibration
from ._drift_detector import DriftDetector
from ._left_out_folds import Folds
from ._outlier_detector import AutoencoderOutlierDetector
from ._robust_gaussians import _WEIGHT_OF_CENTER, Gaussian, RobustGaussians  # noqa: F401
from ._row_distances import (
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)
from ._thresholds import _AUTO  # noqa: F401

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
]
