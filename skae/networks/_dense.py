"""Dense (fully connected) encoders and decoders."""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Self

from torch import Generator, nn

from ._calls import Stack
from ._layers import ACTIVATIONS, NORMALIZATIONS, ActivationName, Dropout, Linear, check_sizes
from ._names import check_name
from ._network import Network


@dataclass
class DenseNetwork(Network):
    """Description of a dense autoencoder whose decoder mirrors its encoder.

    Each hidden layer is linear -> normalisation -> activation -> dropout; code and output are
    linear.

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

    See Also
    --------
    ConvolutionalNetwork : For images.
    SequenceNetwork : For windows of signals.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.networks import DenseNetwork
    >>> network = DenseNetwork((16,), activation="tanh")
    >>> ae = AutoencoderTransformer(2, network=network, max_iter=5, random_state=0)
    >>> ae.fit_transform(load_iris().data).shape
    (150, 2)
    """

    hidden_layer_sizes: tuple = (256, 128)
    activation: ActivationName = "silu"
    dropout: float = 0.0
    normalization: str | None = None

    def for_rows(self, row_shape: tuple[int, ...]) -> Self:
        """Return this description, once it is checked; see :meth:`Network.for_rows`."""
        self._check()
        return self

    def build_encoder(self, n_inputs: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the encoder; see :meth:`Network.build_encoder`."""
        return self._stack((n_inputs, *self.hidden_layer_sizes, n_outputs), generator)

    def build_decoder(self, n_components: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the decoder; see :meth:`Network.build_decoder`."""
        return self._stack((n_components, *self.hidden_layer_sizes[::-1], n_outputs), generator)

    def _stack(self, sizes: tuple[int, ...], generator: Generator) -> Stack:
        self._check()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes[:-1]):
            layers.append(Linear(n_in, n_out, generator))
            if self.normalization is not None:
                layers.append(NORMALIZATIONS[self.normalization](n_out))
            layers.append(ACTIVATIONS[self.activation]())
            if self.dropout > 0:
                layers.append(Dropout(self.dropout))
        layers.append(Linear(sizes[-2], sizes[-1], generator))
        return Stack(*layers)

    def _check(self) -> None:
        check_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("normalization", self.normalization, NORMALIZATIONS, also=(None,))
        if not isinstance(self.dropout, Real) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout!r}.")


def make_discriminator(
    n_components: int, hidden_layer_sizes: tuple, generator: Generator
) -> nn.Module:
    """Return a network that maps codes to logits, of shape (n_samples, 1), of their origin."""
    network = DenseNetwork(hidden_layer_sizes, activation="leaky_relu")
    return network.build_encoder(n_components, 1, generator)
