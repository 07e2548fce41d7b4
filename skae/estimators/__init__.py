"""The estimators: what a user constructs, one in a file."""

from ._adversarial import AdversarialAutoencoder
from ._contractive import ContractiveAutoencoder
from ._convolutional import ConvolutionalAutoencoder
from ._denoising import DenoisingAutoencoder
from ._nested import NestedAutoencoder
from ._sparse import SparseAutoencoder
from ._transformer import AutoencoderTransformer
from ._variational import VariationalAutoencoder
from .base import Decoder, Encoder

__all__ = [
    "AdversarialAutoencoder",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "Decoder",
    "DenoisingAutoencoder",
    "Encoder",
    "NestedAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
]
