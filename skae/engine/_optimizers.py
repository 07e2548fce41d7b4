"""Optimizers by name."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from torch import optim

from ._schedules import ScheduleName

# Adam divides each gradient by its own size, down to `eps`. Batches have unit variance here,
# so gradients below 1e-6 are rounding; torch's 1e-8 would blow that rounding up into steps.
_EPS = 1e-6

OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop"]
OPTIMIZERS: dict[OptimizerName, Callable[..., optim.Optimizer]] = {
    "adam": partial(optim.Adam, eps=_EPS, fused=True),
    "adamw": partial(optim.AdamW, eps=_EPS, fused=True),
    "sgd": partial(optim.SGD, momentum=0.9, nesterov=True, fused=True),
    "rmsprop": partial(optim.RMSprop, foreach=True),
}

# Settings under the schedule "averaged". A linear path starts at a linear optimum and takes a part
# of the rate. Moments forget sooner, as gradients change faster at a high rate.
_RATE_OF_LINEAR_PATH = 1 / 3
_SHORT_MEMORY: dict[str, dict[str, Any]] = {
    "adam": {"optimizer__betas": (0.8, 0.95)},
    "adamw": {"optimizer__betas": (0.8, 0.95)},
    "rmsprop": {"optimizer__alpha": 0.95},
}


def steady_rate(schedule: ScheduleName, rate: float) -> float:
    """Return the rate of training without a schedule, given the highest one of a schedule."""
    return _RATE_OF_LINEAR_PATH * rate if schedule == "averaged" else rate


def optimizer_params(
    optimizer: str | Callable[..., optim.Optimizer], schedule: ScheduleName, rate: float
) -> dict[str, Any]:
    """Return parameters of a skorch net for its optimizer, beside `lr`.

    An optimizer of the user's own keeps its settings.
    """
    if schedule != "averaged" or not isinstance(optimizer, str):
        return {}
    of_path = {"lr": _RATE_OF_LINEAR_PATH * rate}
    groups = {"optimizer__param_groups": [("*.linear.*", of_path)]}
    return groups | _SHORT_MEMORY.get(optimizer, {})
