"""The estimators: what a user constructs, one in a file."""

from ._convolutional import ConvolutionalAutoencoder
from ._denoising import DenoisingAutoencoder
from ._transformer import AutoencoderTransformer

__all__ = ["AutoencoderTransformer", "ConvolutionalAutoencoder", "DenoisingAutoencoder"]
