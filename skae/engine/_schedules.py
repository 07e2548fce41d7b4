"""Learning-rate schedules by name."""

import math

from torch.optim import lr_scheduler

# Share of the steps in which "one_cycle" rises, and the parts of the highest rate at which it
# starts and ends: torch's defaults for OneCycleLR.
_RISING, _FIRST, _LAST = 0.3, 1 / 25, 1 / 250_000


class _Planned:
    """A schedule that moves after every step and is planned to its end.

    The rates are those of torch's schedulers, without the cost that their general
    bookkeeping adds to each step of a small network.
    """

    planned = True

    def __init__(self, optimizer, factor, n_rising=0):
        self._groups = [(group, group["lr"]) for group in optimizer.param_groups]
        self._factor = factor
        self._n_rising = n_rising
        self._step = 0
        self._set()

    @property
    def warming_up(self):
        return self._step < self._n_rising

    def after_step(self):
        self._step += 1
        self._set()

    def _set(self):
        factor = self._factor(self._step)
        for group, rate in self._groups:
            group["lr"] = rate * factor

    def after_epoch(self, monitored):
        pass


class _Plateau:
    """A schedule that divides the rate by five whenever the monitored loss stagnates."""

    planned = warming_up = False

    def __init__(self, optimizer, patience):
        self._scheduler = lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.2, patience=max(1, patience // 3)
        )

    def after_step(self):
        pass

    def after_epoch(self, monitored):
        self._scheduler.step(monitored)


class _Constant:
    planned = warming_up = False

    def after_step(self):
        pass

    def after_epoch(self, monitored):
        pass


def _between(start, end, share):
    """Go from start to end along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _one_cycle(optimizer, n_steps, patience):
    peak, last = _RISING * n_steps - 1, n_steps - 1

    def factor(step):
        if step <= peak:
            return _between(_FIRST, 1.0, step / peak)
        return _between(1.0, _LAST, min((step - peak) / (last - peak), 1.0))

    return _Planned(optimizer, factor, n_rising=_RISING * n_steps)


def _cosine(optimizer, n_steps, patience):
    return _Planned(optimizer, lambda step: _between(1.0, 0.0, step / n_steps))


# Each takes the optimizer, the number of steps planned and the patience in epochs.
SCHEDULES = {
    "constant": lambda optimizer, n_steps, patience: _Constant(),
    "one_cycle": _one_cycle,
    "cosine": _cosine,
    "plateau": lambda optimizer, n_steps, patience: _Plateau(optimizer, patience),
}
