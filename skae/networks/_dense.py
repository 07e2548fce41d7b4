"""Dense (fully connected) encoders and decoders."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real

from torch import nn

from ._layers import ACTIVATIONS, NORMALIZATIONS, Dropout, check_widths, make_linear
from ._names import check_name
from ._network import Network


@dataclass
class DenseNetwork(Network):
    """Description of a dense autoencoder whose decoder mirrors its encoder.

    Each hidden layer is linear -> normalisation -> activation -> dropout; code and
    output are linear.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(256, 128)
        Widths of the encoder's hidden layers, from the input to the code.
        ``()`` makes a linear autoencoder.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training, in [0, 1).
    normalization : {"batch", "layer"} or None, default=None
        Normalisation of the hidden layers.
    """

    hidden_layer_sizes: tuple = (256, 128)
    activation: str = "silu"
    dropout: float = 0.0
    normalization: str | None = None

    def for_rows(self, row_shape):
        """Return this description, once it is checked; see :meth:`Network.for_rows`."""
        self._check()
        return self

    def build_encoder(self, n_features, n_outputs, generator):
        """Make the encoder; see :meth:`Network.build_encoder`."""
        return self._stack((n_features, *self.hidden_layer_sizes, n_outputs), generator)

    def build_decoder(self, n_components, n_features, generator):
        """Make the decoder; see :meth:`Network.build_decoder`."""
        mirrored = tuple(self.hidden_layer_sizes)[::-1]
        return self._stack((n_components, *mirrored, n_features), generator)

    def _stack(self, sizes, generator):
        self._check()
        layers = []
        for n_in, n_out in pairwise(sizes[:-1]):
            layers.append(make_linear(n_in, n_out, generator))
            if self.normalization is not None:
                layers.append(NORMALIZATIONS[self.normalization](n_out))
            layers.append(ACTIVATIONS[self.activation]())
            if self.dropout > 0:
                layers.append(Dropout(self.dropout))
        layers.append(make_linear(*sizes[-2:], generator))
        return nn.Sequential(*layers)

    def _check(self):
        check_widths("hidden_layer_sizes", self.hidden_layer_sizes)
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("normalization", self.normalization, NORMALIZATIONS, also=(None,))
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}.")


def make_discriminator(n_components, hidden_layer_sizes, generator):
    """Make a network that tells codes of two kinds from each other.

    Parameters
    ----------
    n_components : int
        Width of the code.
    hidden_layer_sizes : tuple of int
        Widths of its hidden layers.
    generator : torch.Generator
        Source of the initial weights.

    Returns
    -------
    discriminator : torch.nn.Module
        Maps a (n_samples, n_components) tensor to logits of shape (n_samples, 1).
    """
    network = DenseNetwork(hidden_layer_sizes, activation="leaky_relu")
    return network.build_encoder(n_components, 1, generator)
