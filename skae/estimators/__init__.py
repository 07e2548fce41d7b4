"""The estimators: what a user constructs, one in a file."""

from ._contractive import ContractiveAutoencoder
from ._denoising import DenoisingAutoencoder
from ._nested import NestedAutoencoder
from ._transformer import AutoencoderTransformer

__all__ = [
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "DenoisingAutoencoder",
    "NestedAutoencoder",
]
