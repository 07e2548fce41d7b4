"""Encoders and decoders: plain torch modules that only run forward."""

from ._autoencoder import Autoencoder
from ._column_input import ColumnInput, WithColumnInput
from ._conditional import ConditionalAutoencoder
from ._convolutional import ConvolutionalNetwork
from ._count_input import CountInput
from ._dense import DenseNetwork, make_discriminator
from ._gap_input import GapInput
from ._gap_networks import GapNetworks
from ._head import linear_layers_of, make_head, rescale_inputs
from ._latents import GaussianLatent, Latent, PlainLatent
from ._layers import ACTIVATIONS, ActivationName, Dropout, Linear, leaves_of
from ._linear_path import (
    WithLinearPath,
    add_linear_path,
    linear_layer_of,
    start_linear_path,
)
from ._names import did_you_mean
from ._network import Network
from ._sequence import SequenceNetwork
from ._sparse_latents import (
    BatchTopKLatent,
    LogisticLatent,
    RectifiedLatent,
    TopKLatent,
    start_active,
    start_tied,
)
from ._stacked_dense import StackedAutoencoders
from ._supervised import SupervisedAutoencoder
from ._width_check import check_widths_of

__all__ = [
    "ACTIVATIONS",
    "ActivationName",
    "Autoencoder",
    "BatchTopKLatent",
    "ColumnInput",
    "ConditionalAutoencoder",
    "ConvolutionalNetwork",
    "CountInput",
    "DenseNetwork",
    "Dropout",
    "GapInput",
    "GapNetworks",
    "GaussianLatent",
    "Latent",
    "Linear",
    "LogisticLatent",
    "Network",
    "PlainLatent",
    "RectifiedLatent",
    "SequenceNetwork",
    "StackedAutoencoders",
    "SupervisedAutoencoder",
    "TopKLatent",
    "WithColumnInput",
    "WithLinearPath",
    "add_linear_path",
    "check_widths_of",
    "did_you_mean",
    "leaves_of",
    "linear_layer_of",
    "linear_layers_of",
    "make_discriminator",
    "make_head",
    "rescale_inputs",
    "start_active",
    "start_linear_path",
    "start_tied",
]
