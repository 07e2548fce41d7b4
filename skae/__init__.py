"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import AutoencoderTransformer, ConvolutionalAutoencoder, DenoisingAutoencoder

__all__ = ["AutoencoderTransformer", "ConvolutionalAutoencoder", "DenoisingAutoencoder"]
__version__ = "0.1.0"
