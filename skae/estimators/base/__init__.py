"""What all autoencoders share, and what tools need to know of them."""

from ._base_autoencoder import BaseAutoencoder
from ._estimator import estimator, fitted
from ._halves import Decoder, Encoder
from ._ignored import warn_of_ignored_device, warn_of_ignored_parameters
from ._lockstep import fit_together
from ._net_maker import NOT_REMEMBERED
from ._parameter_errors import ParameterErrorsMixin
from ._parameters import (
    POSITIVE_INT,
    LayerSizes,
    NetworkParameters,
    NonNegative,
    Positive,
    PositiveInt,
    RandomState,
    StandardizedCodes,
)

__all__ = [
    "NOT_REMEMBERED",
    "POSITIVE_INT",
    "BaseAutoencoder",
    "Decoder",
    "Encoder",
    "LayerSizes",
    "NetworkParameters",
    "NonNegative",
    "ParameterErrorsMixin",
    "Positive",
    "PositiveInt",
    "RandomState",
    "StandardizedCodes",
    "estimator",
    "fit_together",
    "fitted",
    "warn_of_ignored_device",
    "warn_of_ignored_parameters",
]
