"""Optimizers by name."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import optim

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
