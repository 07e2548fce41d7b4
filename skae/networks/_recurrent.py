"""Recurrent halves for windows of signals."""

from torch import Generator, Tensor, nn

from ._layers import Linear, draw_parameters


class GRUEncoder(nn.Module):
    """Gated recurrent units over the steps of a window, and a linear layer on their last state.

    `shape` is the (n_steps, n_channels) of the window that a row holds.
    """

    def __init__(
        self, shape: tuple[int, ...], hidden_size: int, n_outputs: int, generator: Generator
    ) -> None:
        super().__init__()
        self.shape = shape
        self.gru = _make_gru(shape[1], hidden_size, generator)
        self.output = Linear(hidden_size, n_outputs, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples, n_outputs)."""
        _, last = self.gru(x.reshape(-1, *self.shape))
        return self.output(last[0])


class GRUDecoder(nn.Module):
    """Gated recurrent units that unroll a code, and a linear layer on each of their states.

    A linear image of the code is both the first state and the input of every step, so that the
    state need not carry the code through the whole window. The last step comes first: the encoder
    saw it last, and training learns near steps before far ones.
    """

    def __init__(
        self, shape: tuple[int, ...], hidden_size: int, n_components: int, generator: Generator
    ) -> None:
        super().__init__()
        self.n_steps, n_channels = shape
        self.start = Linear(n_components, hidden_size, generator)
        self.gru = _make_gru(hidden_size, hidden_size, generator)
        self.output = Linear(hidden_size, n_channels, generator)

    def forward(self, codes: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples, n_steps * n_channels)."""
        start = self.start(codes)
        states, _ = self.gru(start[:, None].expand(-1, self.n_steps, -1), start[None].tanh())
        return self.output(states).flip(1).flatten(1)


def _make_gru(n_in: int, hidden_size: int, generator: Generator) -> nn.GRU:
    # `skip_init` refuses recurrent layers.
    gru = nn.GRU(n_in, hidden_size, batch_first=True, device="meta").to_empty(device="cpu")
    draw_parameters(gru, hidden_size, generator)
    return gru
