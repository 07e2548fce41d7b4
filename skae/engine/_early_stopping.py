"""When training stops, and which weights are kept."""

import math

import torch


class BestWeights:
    """The best weights seen so far, and how long ago that was.

    Parameters
    ----------
    modules : tuple of torch.nn.Module
        Whose parameters and buffers are kept.
    tol : float, default=0.0
        Share of the best loss so far by which a loss must improve to count.
    patience : int, default=1
        Epochs without such an improvement after which `exhausted` becomes true.
    """

    def __init__(self, modules, tol=0.0, patience=1):
        self.tol = tol
        self.patience = patience
        self.loss = math.inf
        self._milestone = math.inf
        self._misses = 0
        self._current = [t for m in modules for t in (*m.parameters(), *m.buffers())]
        self._best = None

    def update(self, loss, warming_up=False):
        """Take the monitored loss of the weights as they are now.

        Parameters
        ----------
        loss : float
            The loss.
        warming_up : bool, default=False
            Whether the learning rate still rises, which spares the patience: steps are
            small then, and soon too large for the weights to be good.
        """
        if self._milestone == math.inf or loss < self._milestone - self.tol * abs(self._milestone):
            self._milestone = loss
            self._misses = 0
        elif not warming_up:
            self._misses += 1
        if loss < self.loss:
            self.loss = loss
            self.keep()

    def keep(self):
        """Take the weights as they are now, whatever their loss."""
        if self._best is None:
            self._best = [torch.empty_like(tensor) for tensor in self._current]
        _copy(self._current, self._best)

    @property
    def exhausted(self):
        """Whether patience has run out."""
        return self._misses >= self.patience

    def restore(self):
        """Put the best weights back, if any were seen."""
        if self._best is not None:
            _copy(self._best, self._current)


@torch.no_grad()
def _copy(tensors, into):
    torch._foreach_copy_(into, tensors)
