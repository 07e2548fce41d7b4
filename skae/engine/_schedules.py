"""Learning-rate schedules by name."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from torch import optim
from torch.optim import lr_scheduler

from ._weight_average import WeightAverage

# Share of the steps in which "one_cycle" rises, and the parts of the highest rate at which it
# starts and ends: torch's defaults for OneCycleLR.
_RISING, _FIRST, _LAST = 0.3, 1 / 25, 1 / 250_000

# Share of the steps in which "averaged" rises, from the same first part of the highest rate.
_RISING_OF_AVERAGED = 0.1


class Constant:
    """A rate that stays as it is, and the base of the other schedules.

    A `planned` schedule has a rate for each step, up to the last one. `warming_up` says that
    the rate still rises.
    """

    planned = False

    @property
    def warming_up(self) -> bool:
        """Whether the rate still rises."""
        return False

    def after_step(self) -> None:
        """Move on after a step of the optimizer."""

    def after_epoch(self, monitored: float) -> None:
        """Move on after an epoch, given its monitored loss."""

    def kept_weights(self) -> AbstractContextManager:
        """Put the weights that would be kept if training ended now in the place of the last."""
        return nullcontext()

    def end(self) -> None:
        """Keep these weights for good."""


class _Planned(Constant):
    """A schedule that moves after every step and is planned to its end.

    The rates are those of torch's schedulers, without the cost that their general
    bookkeeping adds to each step of a small network.
    """

    planned = True

    def __init__(
        self, optimizer: optim.Optimizer, factor: Callable[[int], float], n_rising: float = 0
    ):
        self._groups: list[tuple[dict[str, Any], float]] = [
            (group, group["lr"]) for group in optimizer.param_groups
        ]
        self._factor = factor
        self._n_rising = n_rising
        self._step = 0
        self._set()

    @property
    def warming_up(self) -> bool:
        return self._step < self._n_rising

    def after_step(self) -> None:
        self._step += 1
        self._set()

    def _set(self) -> None:
        factor = self._factor(self._step)
        for group, rate in self._groups:
            group["lr"] = rate * factor


class _Averaged(_Planned):
    """A planned schedule that keeps the mean of the weights over the last steps."""

    def __init__(self, optimizer: optim.Optimizer, n_steps: int):
        peak = _RISING_OF_AVERAGED * n_steps

        def factor(step: int) -> float:
            if step < peak:
                return _FIRST + (1 - _FIRST) * step / peak
            return (n_steps - step) / (n_steps - peak)

        super().__init__(optimizer, factor, n_rising=peak)
        self._average = WeightAverage([p for group, _ in self._groups for p in group["params"]])

    def after_step(self) -> None:
        super().after_step()
        self._average.after_step()

    def kept_weights(self) -> AbstractContextManager:
        return self._average.in_place()

    def end(self) -> None:
        self._average.keep()


class _Plateau(Constant):
    """A schedule that divides the rate by five whenever the monitored loss stagnates."""

    def __init__(self, optimizer: optim.Optimizer, patience: int):
        self._scheduler = lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.2, patience=max(1, patience // 3)
        )

    def after_epoch(self, monitored: float) -> None:
        self._scheduler.step(monitored)


def _between(start: float, end: float, share: float) -> float:
    """Return the value after a share of half a cosine from start to end."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _one_cycle(optimizer: optim.Optimizer, n_steps: int, patience: int) -> Constant:
    peak, last = _RISING * n_steps - 1, n_steps - 1

    def factor(step: int) -> float:
        if step <= peak:
            return _between(_FIRST, 1.0, step / peak)
        return _between(1.0, _LAST, min((step - peak) / (last - peak), 1.0))

    return _Planned(optimizer, factor, n_rising=_RISING * n_steps)


def _cosine(optimizer: optim.Optimizer, n_steps: int, patience: int) -> Constant:
    return _Planned(optimizer, lambda step: _between(1.0, 0.0, step / n_steps))


# Each takes the optimizer, the number of steps planned and the patience in epochs.
ScheduleName = Literal["averaged", "constant", "one_cycle", "cosine", "plateau"]
SCHEDULES: dict[ScheduleName, Callable[[optim.Optimizer, int, int], Constant]] = {
    "averaged": lambda optimizer, n_steps, patience: _Averaged(optimizer, n_steps),
    "constant": lambda optimizer, n_steps, patience: Constant(),
    "one_cycle": _one_cycle,
    "cosine": _cosine,
    "plateau": lambda optimizer, n_steps, patience: _Plateau(optimizer, patience),
}
