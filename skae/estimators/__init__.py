"""The estimators: what a user constructs, one in a file."""

from ._denoising import DenoisingAutoencoder
from ._sparse import SparseAutoencoder
from ._transformer import AutoencoderTransformer

__all__ = ["AutoencoderTransformer", "DenoisingAutoencoder", "SparseAutoencoder"]
