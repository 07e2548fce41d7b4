"""Autoencoders that behave like scikit-learn's own estimators.

`AutoencoderTransformer` stands where PCA stands, and its relatives take off noise, fill gaps, find
outliers and drift, draw new rows and learn from few labels. `skae.windows` cuts recordings and
images, `skae.displays` draws fitted estimators, `skae.networks` describes convolutional and
recurrent networks. The documentation begins with what to write for which task.
"""

from ._to_onnx import to_onnx
from .comparison import compare
from .detection import AutoencoderOutlierDetector, DriftDetector
from .estimators._adversarial import AdversarialAutoencoder
from .estimators._contractive import ContractiveAutoencoder
from .estimators._convolutional import ConvolutionalAutoencoder
from .estimators._denoising import DenoisingAutoencoder
from .estimators._nested import NestedAutoencoder
from .estimators._sparse import SparseAutoencoder
from .estimators._transformer import AutoencoderTransformer
from .estimators._variational import VariationalAutoencoder
from .estimators._wasserstein import WassersteinAutoencoder
from .estimators.base import Decoder, Encoder
from .imputation import AutoencoderImputer
from .persistence import ModelFileError, load, save
from .reporting import report
from .supervised import AutoencoderClassifier, AutoencoderRegressor

__all__ = [
    "AdversarialAutoencoder",
    "AutoencoderClassifier",
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderRegressor",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "Decoder",
    "DenoisingAutoencoder",
    "DriftDetector",
    "Encoder",
    "ModelFileError",
    "NestedAutoencoder",
    "SparseAutoencoder",
    "VariationalAutoencoder",
    "WassersteinAutoencoder",
    "compare",
    "load",
    "report",
    "save",
    "to_onnx",
]
__version__ = "0.1.0"
