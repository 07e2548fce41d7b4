"""Encoders and decoders: plain torch modules that only run forward."""

from ._autoencoder import Autoencoder
from ._convolutional import ConvolutionalNetwork
from ._dense import DenseNetwork
from ._latents import PlainLatent
from ._layers import ACTIVATIONS
from ._linear_path import add_linear_path, start_linear_path
from ._network import Network
from ._sequence import SequenceNetwork

__all__ = [
    "ACTIVATIONS",
    "Autoencoder",
    "ConvolutionalNetwork",
    "DenseNetwork",
    "Network",
    "PlainLatent",
    "SequenceNetwork",
    "add_linear_path",
    "start_linear_path",
]
