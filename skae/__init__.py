"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    DriftDetector,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)

__all__ = [
    "AdversarialAutoencoder",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "DriftDetector",
    "NestedAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
]
__version__ = "0.1.0"
