"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import AutoencoderTransformer, DenoisingAutoencoder, SparseAutoencoder

__all__ = ["AutoencoderTransformer", "DenoisingAutoencoder", "SparseAutoencoder"]
__version__ = "0.1.0"
