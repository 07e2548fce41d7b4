"""What a model file may hold: these classes, by these names, and no others.

The names are part of the file format: a class may move or be renamed, its name here may not.
"""

from skae import estimators
from skae.estimators._calibration import Calibration
from skae.estimators._column_scaling import ColumnScaling
from skae.estimators._folds import Folds
from skae.estimators._robust_gaussians import Gaussian, RobustGaussians
from skae.estimators._row_scores import (
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)
from skae.networks import ConvolutionalNetwork, DenseNetwork, SequenceNetwork

NETWORKS = {cls.__name__: cls for cls in (ConvolutionalNetwork, DenseNetwork, SequenceNetwork)}
ESTIMATORS = {name: getattr(estimators, name) for name in estimators.__all__}

# What has a net.
AUTOENCODERS = tuple(name for name, cls in ESTIMATORS.items() if hasattr(cls, "reconstruct"))

_PARTS = (
    Calibration,
    ColumnScaling,
    Folds,
    Gaussian,
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
    RobustGaussians,
)

CLASSES = ESTIMATORS | NETWORKS | {cls.__name__: cls for cls in _PARTS}
NAMES = {cls: name for name, cls in CLASSES.items()}

TRUSTED_TYPES = sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in CLASSES.values())
