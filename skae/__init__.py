"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import (
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
)

__all__ = [
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "DenoisingAutoencoder",
    "NestedAutoencoder",
]
__version__ = "0.1.0"
