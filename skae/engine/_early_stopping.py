"""The best weights so far, and the patience of early stopping."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class BestWeights:
    """The best parameters and buffers of some modules so far.

    A loss counts as better if it improves by the share `tol` of the best one. After `patience`
    epochs without such an improvement `exhausted` becomes true.
    """

    def __init__(self, modules: Sequence[nn.Module], tol: float = 0.0, patience: int = 1):
        self.tol = tol
        self.patience = patience
        self.loss = math.inf
        self._milestone = math.inf
        self._misses = 0
        self._current = [t for m in modules for t in (*m.parameters(), *m.buffers())]
        self._best: list[Tensor] | None = None

    def update(self, loss: float, warming_up: bool = False) -> None:
        """Compare the monitored loss of the present weights with the best one.

        While the learning rate still rises (`warming_up`) no epoch counts against the patience:
        steps are small then, and soon too large for the weights to be good.
        """
        if self._milestone == math.inf or loss < self._milestone - self.tol * abs(self._milestone):
            self._milestone = loss
            self._misses = 0
        elif not warming_up:
            self._misses += 1
        if loss < self.loss:
            self.loss = loss
            self.keep()

    def keep(self) -> None:
        """Keep the weights as they are now as the best ones, whatever their loss."""
        if self._best is None:
            self._best = [torch.empty_like(tensor) for tensor in self._current]
        copy_into(self._best, self._current)

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self._misses >= self.patience

    def restore(self) -> None:
        """Put the best weights back, if any were seen."""
        if self._best is not None:
            copy_into(self._current, self._best)


@torch.no_grad()
def copy_into(places: list[Tensor], tensors: list[Tensor]) -> None:
    """Copy the values of tensors into others."""
    torch._foreach_copy_(places, tensors)
