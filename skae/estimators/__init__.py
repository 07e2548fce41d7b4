"""The estimators: what a user constructs, one in a file."""

from ._adversarial import AdversarialAutoencoder
from ._contractive import ContractiveAutoencoder
from ._convolutional import ConvolutionalAutoencoder
from ._denoising import DenoisingAutoencoder
from ._drift import DriftDetector
from ._halves import Decoder, Encoder
from ._nested import NestedAutoencoder
from ._outlier_detector import AutoencoderOutlierDetector
from ._sparse import SparseAutoencoder
from ._transformer import AutoencoderTransformer
from ._variational import VariationalAutoencoder

__all__ = [
    "AdversarialAutoencoder",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "Decoder",
    "DenoisingAutoencoder",
    "DriftDetector",
    "Encoder",
    "NestedAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
]
