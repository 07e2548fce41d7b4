"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    Decoder,
    DenoisingAutoencoder,
    DriftDetector,
    Encoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from .persistence import ModelFileError, load, save

__all__ = [
    "AdversarialAutoencoder",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "Decoder",
    "DenoisingAutoencoder",
    "DriftDetector",
    "Encoder",
    "ModelFileError",
    "NestedAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
    "load",
    "save",
]
__version__ = "0.1.0"
