"""Autoencoders that behave like scikit-learn's own estimators."""

from ._to_onnx import to_onnx
from .detection import AutoencoderOutlierDetector, DriftDetector
from .estimators import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    Decoder,
    DenoisingAutoencoder,
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
    "to_onnx",
]
__version__ = "0.1.0"
