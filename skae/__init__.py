"""Autoencoders that behave like scikit-learn's own estimators."""

from ._to_onnx import to_onnx
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
    "to_onnx",
]
__version__ = "0.1.0"
