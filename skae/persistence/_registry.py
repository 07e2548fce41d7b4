"""What a model file may hold: these classes, by these names, and no others.

The names are part of the file format: a class may move or be renamed, its name here may not.
"""

from skae import detection, estimators
from skae.detection import (
    Calibration,
    Folds,
    Gaussian,
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
    RobustGaussians,
)
from skae.networks import ConvolutionalNetwork, DenseNetwork, SequenceNetwork
from skae.tables import ColumnScaling

ESTIMATORS = {
    "AdversarialAutoencoder": estimators.AdversarialAutoencoder,
    "AutoencoderOutlierDetector": detection.AutoencoderOutlierDetector,
    "AutoencoderTransformer": estimators.AutoencoderTransformer,
    "ContractiveAutoencoder": estimators.ContractiveAutoencoder,
    "ConvolutionalAutoencoder": estimators.ConvolutionalAutoencoder,
    "Decoder": estimators.Decoder,
    "DenoisingAutoencoder": estimators.DenoisingAutoencoder,
    "DriftDetector": detection.DriftDetector,
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
