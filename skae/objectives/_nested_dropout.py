"""Nested dropout, which orders the components of a code."""

from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import Parts
from skae._shared_batch import draw_rows

from ._random import RandomSource


class NestedDropout(nn.Module):
    """Codes of which the decoder sees only the first components, a number drawn for each row.

    The objective then includes the errors of codes that are cut short, and the first components
    learn what matters most (Rippel, Gelbart and Adams, 2014).

    While training the numbers go on from batch to batch; a measurement draws the same ones
    every time, so that losses can be compared.
    """

    up_to: Tensor

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.random = RandomSource()
        up_to = length_probabilities(n_components).cumsum(0)
        self.register_buffer("up_to", up_to, persistent=False)

    def forward(
        self, autoencoder: Any, h: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Parts]:
        """Return the codes with zeros behind the components that are kept, and no penalty."""
        n_samples, n_components = h.shape
        generator = self.random.generator_on(h.device)
        drawn = draw_rows(torch.rand, (n_samples, 1), generator=generator, device=h.device)
        # Rounding may leave the last sum below one.
        n_kept = 1 + torch.searchsorted(self.up_to, drawn).clamp_(max=n_components - 1)
        return first_components(h, n_kept), {}


def length_probabilities(n_components: int) -> Tensor:
    """Return how often each number of components is kept, of shape (n_components,).

    The distribution is geometric, as in the paper, with the last number half as likely as the
    first: a fixed rate would leave the end of a long code to chance. On the digits this has the
    lowest worst error beside nets trained for one number alone (eight components, 50 epochs,
    held-out rows: at most 1.39 times theirs; for a share of 1, 1/4, 1/8 instead of one half it
    is 1.45, 1.46 and 1.59).
    """
    place = torch.linspace(0, 1, n_components, device="cpu")
    probabilities = 0.5**place
    return probabilities / probabilities.sum()


def first_components(codes: Tensor, n_kept: int | Tensor) -> Tensor:
    """Return codes with zeros behind the first `n_kept`, a number or one for each row (n, 1)."""
    place = torch.arange(codes.shape[1], device=codes.device)
    return torch.where(place < n_kept, codes, 0.0)
