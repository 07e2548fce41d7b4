"""What all autoencoders share, and what tools need to know of them."""

from ._base_autoencoder import BaseAutoencoder
from ._halves import Decoder, Encoder
from ._ignored import warn_of_ignored_device, warn_of_ignored_parameters
from ._lockstep import fit_together
from ._net_maker import NOT_REMEMBERED
from ._parameter_errors import ParameterErrorsMixin

__all__ = [
    "NOT_REMEMBERED",
    "BaseAutoencoder",
    "Decoder",
    "Encoder",
    "ParameterErrorsMixin",
    "fit_together",
    "warn_of_ignored_device",
    "warn_of_ignored_parameters",
]
