"""Encoders and decoders: plain torch modules that only run forward."""

from ._autoencoder import Autoencoder
from ._dense import DenseNetwork, make_discriminator
from ._latents import GaussianLatent, PlainLatent
from ._layers import ACTIVATIONS
from ._linear_path import add_linear_path, start_linear_path
from ._network import Network
from ._sparse_latents import (
    BatchTopKLatent,
    LogisticLatent,
    RectifiedLatent,
    TopKLatent,
    start_active,
    start_tied,
)

__all__ = [
    "ACTIVATIONS",
    "Autoencoder",
    "BatchTopKLatent",
    "DenseNetwork",
    "GaussianLatent",
    "LogisticLatent",
    "Network",
    "PlainLatent",
    "RectifiedLatent",
    "TopKLatent",
    "add_linear_path",
    "make_discriminator",
    "start_active",
    "start_linear_path",
    "start_tied",
]
