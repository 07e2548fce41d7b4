"""The estimators: what a user constructs, one in a file."""

from ._denoising import DenoisingAutoencoder
from ._transformer import AutoencoderTransformer
from ._variational import VariationalAutoencoder

__all__ = ["AutoencoderTransformer", "DenoisingAutoencoder", "VariationalAutoencoder"]
