"""The building blocks of dense networks."""

from numbers import Integral
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from skae._shared_batch import draw_rows

ActivationName = Literal[
    "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", "identity"
]
ACTIVATIONS: dict[ActivationName, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}

NORMALIZATIONS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}

# Rows of this many elements start on a cache line, for float32 as for float64.
_ALIGNMENT = 16


class Linear(nn.Linear):
    """A linear layer that gives a row the same bits wherever in the batch the row is.

    Small matrix products take another route through the BLAS for rows that are not aligned in
    memory, and then the last bit depends on the row's place. Outside training the input is
    padded with zero columns to an aligned width, which removes the difference. Training needs
    no such exactness and saves the copy.

    Weights and biases are drawn from `generator`, as torch draws them from its global one. Without
    it they are what memory held: for weights that are set anyway. Larger weights (He et al., 2015)
    train no faster in shallow autoencoders and generalise worse.
    """

    def __init__(self, in_features: int, out_features: int, generator: Generator | None) -> None:
        # That of nn.Linear draws from the global generator.
        nn.Module.__init__(self)
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        if generator is not None:
            draw_parameters(self, in_features, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``."""
        return (F.linear if self.training else aligned_linear)(x, self.weight, self.bias)


def aligned_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias``, computed on rows padded to an aligned width."""
    padding = -weight.shape[1] % _ALIGNMENT
    if padding:
        x, weight = F.pad(x, (0, padding)), F.pad(weight, (0, padding))
    return F.linear(x, weight, bias)


class Dropout(nn.Module):
    """Dropout that draws from its own generator instead of torch's global one.

    The training engine sets `generator` on every module that has this attribute.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Zero each element with probability ``p`` in training, else return ``x``."""
        if not self.training:
            return x

        def draw(shape: tuple[int, ...]) -> Tensor:
            return x.new_empty(shape).bernoulli_(1 - self.p, generator=self.generator)

        kept = draw_rows(draw, x.shape)
        return x * kept.div_(1 - self.p)


@torch.no_grad()
def draw_parameters(layer: nn.Module, fan_in: float, generator: Generator) -> None:
    """Draw all parameters uniformly within ``1 / sqrt(fan_in)``, torch's own choice."""
    bound = fan_in**-0.5
    for parameter in layer.parameters():
        parameter.uniform_(-bound, bound, generator=generator)


def leaves_of(module: nn.Module) -> list[nn.Module]:
    """Return the modules that hold no other modules, in the order of registration."""
    return [leaf for leaf in module.modules() if not list(leaf.children())]


def is_size(value: object) -> bool:
    """Return whether a value is an integer of at least 1."""
    return isinstance(value, Integral) and int(value) > 0


def check_sizes(name: str, sizes: object) -> None:
    """Raise a ValueError if `sizes` is not a tuple or list of integers of at least 1."""
    if not isinstance(sizes, tuple | list) or not all(map(is_size, sizes)):
        raise ValueError(f"{name} must be a tuple of integers of at least 1, got {sizes!r}.")
