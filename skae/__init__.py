"""Autoencoders that behave like scikit-learn's own estimators."""

from .estimators import AutoencoderTransformer

__all__ = ["AutoencoderTransformer"]
__version__ = "0.1.0"
