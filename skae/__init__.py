"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import AutoencoderTransformer, DenoisingAutoencoder

__all__ = ["AutoencoderTransformer", "DenoisingAutoencoder"]
__version__ = "0.1.0"
