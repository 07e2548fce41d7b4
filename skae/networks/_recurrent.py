"""Recurrent halves for windows of signals."""

import torch
from torch import nn

from ._layers import make_linear


class GRUEncoder(nn.Module):
    """Gated recurrent units over the steps of a window, and a linear layer on their last state.

    Parameters
    ----------
    shape : tuple of int
        (n_steps, n_channels) of the window that a row holds.
    hidden_size : int
        Width of the state.
    n_outputs : int
        Width of the output.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, shape, hidden_size, n_outputs, generator):
        super().__init__()
        self.shape = shape
        self.gru = _make_gru(shape[1], hidden_size, generator)
        self.output = make_linear(hidden_size, n_outputs, generator)

    def forward(self, x):
        """Return a tensor of shape (n_samples, n_outputs)."""
        _, last = self.gru(x.reshape(-1, *self.shape))
        return self.output(last[0])


class GRUDecoder(nn.Module):
    """Gated recurrent units that unroll a code, and a linear layer on each of their states.

    A linear image of the code is both the first state and the input of every step, so that
    what it says need not be carried through the whole window. The last step comes first: it is
    what the encoder saw last, and a network that is to learn starts with what is near.

    Parameters
    ----------
    shape : tuple of int
        (n_steps, n_channels) of the window that a row holds.
    hidden_size : int
        Width of the state.
    n_components : int
        Width of the code.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, shape, hidden_size, n_components, generator):
        super().__init__()
        self.n_steps, n_channels = shape
        self.start = make_linear(n_components, hidden_size, generator)
        self.gru = _make_gru(hidden_size, hidden_size, generator)
        self.output = make_linear(hidden_size, n_channels, generator)

    def forward(self, codes):
        """Return a tensor of shape (n_samples, n_features)."""
        start = self.start(codes)
        states, _ = self.gru(start[:, None].expand(-1, self.n_steps, -1), start[None].tanh())
        return self.output(states).flip(1).flatten(1)


def _make_gru(n_in, hidden_size, generator):
    """Make a layer of units with weights within ``1 / sqrt(hidden_size)``, torch's choice."""
    gru = nn.GRU(n_in, hidden_size, batch_first=True, device="meta").to_empty(device="cpu")
    bound = hidden_size**-0.5
    with torch.no_grad():
        for parameter in gru.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return gru
