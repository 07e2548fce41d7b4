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

ESTIMATORS = {
    "AdversarialAutoencoder": estimators.AdversarialAutoencoder,
    "AutoencoderOutlierDetector": estimators.AutoencoderOutlierDetector,
    "AutoencoderTransformer": estimators.AutoencoderTransformer,
    "ContractiveAutoencoder": estimators.ContractiveAutoencoder,
    "ConvolutionalAutoencoder": estimators.ConvolutionalAutoencoder,
    "Decoder": estimators.Decoder,
    "DenoisingAutoencoder": estimators.DenoisingAutoencoder,
    "DriftDetector": estimators.DriftDetector,
    "Encoder": estimators.Encoder,
    "NestedAutoencoder": estimators.NestedAutoencoder,
    "SparseAutoencoder": estimators.SparseAutoencoder,
    "VariationalAutoencoder": estimators.VariationalAutoencoder,
}
NETWORKS = {
    "ConvolutionalNetwork": ConvolutionalNetwork,
    "DenseNetwork": DenseNetwork,
    "SequenceNetwork": SequenceNetwork,
}
_PARTS = {
    "Calibration": Calibration,
    "ColumnScaling": ColumnScaling,
    "Folds": Folds,
    "Gaussian": Gaussian,
    "LikelihoodScore": LikelihoodScore,
    "MahalanobisScore": MahalanobisScore,
    "MixtureScore": MixtureScore,
    "ReconstructionScore": ReconstructionScore,
    "RobustGaussians": RobustGaussians,
}

# What has a net, and what has several.
AUTOENCODERS = tuple(name for name, cls in ESTIMATORS.items() if hasattr(cls, "reconstruct"))
DETECTOR = "AutoencoderOutlierDetector"

CLASSES = ESTIMATORS | NETWORKS | _PARTS
NAMES = {cls: name for name, cls in CLASSES.items()}
