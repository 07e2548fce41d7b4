"""Encoders and decoders for windows of signals."""

from dataclasses import dataclass, replace
from numbers import Integral

from ._convolutions import check_convolutions, convolutional_decoder, convolutional_encoder
from ._network import Network
from ._recurrent import GRUDecoder, GRUEncoder
from ._row_shapes import resolve_shape, with_channels

_DIMENSIONS = ("n_steps", "n_channels")


@dataclass
class SequenceNetwork(Network):
    """Description of an autoencoder for windows of signals: sensors, sound, ECG.

    "convolutional" is a stack of convolutions of stride two over time, each with an
    activation, and a linear layer to the code, mirrored in the decoder. "gru" reads the window
    step by step with gated recurrent units (Cho et al., 2014), whose last state a linear layer
    makes the code of; the decoder is another one that is started at a linear image of the code and
    shown one at each step, with a linear layer from its states to the channels.

    Parameters
    ----------
    window_shape : tuple of int or None, default=None
        ``(n_steps, n_channels)``. Rows of a table are windows flattened in this order, all
        channels of the first step first. None takes the shape of arrays of shape (n_windows,
        n_steps, n_channels) from them; rows of a table are then windows of one channel.
    kind : {"convolutional", "gru"}, default="convolutional"
        The layers. Convolutions train several times faster.
    channels : tuple of int, default=(32, 64)
        Channels of the convolutions, from the window to the code. Each halves the number of
        steps. Ignored by "gru".
    kernel_size : int, default=5
        Steps that a convolution sees at once, an odd number of at least 3. Ignored by "gru".
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the convolutions. Ignored by "gru".
    normalization : {"batch"} or None, default=None
        Normalisation of the convolutions, over batch and steps. Ignored by "gru".
    hidden_size : int, default=64
        Width of the state of "gru". Ignored by "convolutional".
    """

    window_shape: tuple | None = None
    kind: str = "convolutional"
    channels: tuple = (16, 32)
    hidden_layer_sizes: tuple = (128,)
    kernel_size: int = 5
    activation: str = "silu"
    normalization: str | None = None
    hidden_size: int = 64

    takes_shaped_rows = True

    def for_rows(self, row_shape):
        """Return this description with the shape of the windows; see :meth:`Network.for_rows`."""
        self._check()
        shape = resolve_shape(
            "window_shape", self.window_shape, row_shape, _DIMENSIONS, lambda n: (n, 1)
        )
        return replace(self, window_shape=shape)

    def build_encoder(self, n_features, n_outputs, generator):
        """Make the encoder; see :meth:`Network.build_encoder`."""
        shape = self._shape(n_features)
        if self.kind == "gru":
            return GRUEncoder(shape, self.hidden_size, n_outputs, generator)
        kernel = (1, self.kernel_size)
        return convolutional_encoder(self, (1, *shape), kernel, n_outputs, generator)

    def build_decoder(self, n_components, n_features, generator):
        """Make the decoder; see :meth:`Network.build_decoder`."""
        shape = self._shape(n_features)
        if self.kind == "gru":
            return GRUDecoder(shape, self.hidden_size, n_components, generator)
        kernel = (1, self.kernel_size)
        return convolutional_decoder(self, (1, *shape), kernel, n_components, generator)

    def _shape(self, n_features):
        return with_channels(self.for_rows((n_features,)).window_shape, _DIMENSIONS)

    def _check(self):
        if self.kind not in ("convolutional", "gru"):
            raise ValueError(f"kind must be 'convolutional' or 'gru', got {self.kind!r}.")
        if not isinstance(self.hidden_size, Integral) or self.hidden_size < 1:
            raise ValueError(
                f"hidden_size must be an integer of at least 1, got {self.hidden_size!r}."
            )
        check_convolutions(self)
