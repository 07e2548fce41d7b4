"""The building blocks of dense networks."""

from numbers import Integral

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}

NORMALIZATIONS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}

# Rows of this many elements start on a cache line, for float32 as for float64.
_ALIGNMENT = 16


class Linear(nn.Linear):
    """A linear layer whose result for a row does not depend on the row's place.

    Small matrix products take another route through the BLAS for rows that are not
    aligned in memory, and the last bit then depends on where in the batch a row stands.
    Outside training the input is padded with zero columns to an aligned width, which
    removes the difference; training needs no such exactness and skips the copy.
    """

    fused_as = "linear"

    def forward(self, x):
        """Return ``x @ weight.T + bias``."""
        return (F.linear if self.training else aligned_linear)(x, self.weight, self.bias)


def aligned_linear(x, weight, bias=None):
    """Return ``x @ weight.T + bias`` of rows that are padded to an aligned width."""
    padding = -weight.shape[1] % _ALIGNMENT
    if padding:
        x, weight = F.pad(x, (0, padding)), F.pad(weight, (0, padding))
    return F.linear(x, weight, bias)


class Dropout(nn.Module):
    """Dropout that draws from its own generator instead of torch's global one.

    The training engine hands its generator to every module that has the attribute
    ``generator``.
    """

    def __init__(self, p):
        super().__init__()
        self.p = p
        self.generator = None

    def forward(self, x):
        """Zero each element with probability ``p`` in training, else return ``x``."""
        if not self.training:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.div_(1 - self.p)


def check_widths(name, widths):
    """Check the widths of layers.

    Raises
    ------
    ValueError
        If they are not positive integers.
    """
    whole = isinstance(widths, tuple | list)
    if not whole or not all(isinstance(n, Integral) and n > 0 for n in widths):
        raise ValueError(f"{name} must be a tuple of integers of at least 1, got {widths!r}.")


def make_linear(in_features, out_features, generator):
    """Make a linear layer with initial weights and biases from `generator`.

    Both are uniform within ``1 / sqrt(in_features)``, torch's own choice. Larger weights
    (He et al., 2015) train no faster in shallow autoencoders and generalise worse.
    """
    layer = nn.utils.skip_init(Linear, in_features, out_features)
    bound = in_features**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer
