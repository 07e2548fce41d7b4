"""A running mean of the weights over the last steps of training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ._early_stopping import copy_into

# The weight of a step in the mean grows with this power of its number (Karras et al., 2024), so
# that the mean is about one over the last twentieth of the steps, however many these are.
_POWER = 17

# Share by which the number of steps grows until one counts again: a mean takes time, and neighbours
# differ little.
_STRIDE = 0.01


class WeightAverage:
    """The mean of weights over the last steps (Polyak and Juditsky, 1992).

    Steps at a high rate wander about a minimum, and their mean is nearer to it than the last one.
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self._weights = list(weights)
        self._mean: list[Tensor] = []
        self._n_steps = self._n_counted = 0

    @torch.no_grad()
    def after_step(self) -> None:
        """Count the weights as they are after a step."""
        self._n_steps += 1
        if self._n_steps < (1 + _STRIDE) * self._n_counted:
            return
        if not self._mean:
            self._mean = self._copies()
        before = self._n_counted / self._n_steps
        torch._foreach_lerp_(self._mean, self._weights, 1 - before ** (_POWER + 1))
        self._n_counted = self._n_steps

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the mean in the place of the weights while the context lasts.

        What changes the weights there, as a callback may, changes them for good.
        """
        if not self._mean:
            yield
            return
        own = self._copies()
        self.keep()
        try:
            yield
        finally:
            if all(map(torch.equal, self._weights, self._mean)):
                copy_into(self._weights, own)
            else:
                copy_into(self._mean, self._weights)

    def keep(self) -> None:
        """Put the mean in the place of the weights."""
        if self._mean:
            copy_into(self._weights, self._mean)

    def _copies(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self._weights]
