"""Products of rows, chunk by chunk: a row alone gives the bits that it gives in a batch."""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from skae._threads import one_thread

# A product takes one route for all chunks of this size, whatever is in the other rows.
ROWS = 64


_Module = TypeVar("_Module", bound=nn.Module)

# Modules that are made of fitted objects, which stay as they are.
_modules: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def once_for(fitted: Any, make: Callable[[Any], _Module]) -> _Module:
    """Return the module that is made of a fitted object; it is made once."""
    module = _modules.get(fitted)
    if module is None:
        module = _modules[fitted] = make(fitted)
    return module


def in_fixed_chunks(function: Callable[[Tensor], Tensor], rows: np.ndarray) -> np.ndarray:
    """Return a function of 64 rows at a time, in float64; zeros fill up the last chunk.

    The function is given a float32 tensor, which it may change, and returns one number or one row
    of numbers for each row.
    """
    answers = []
    # The limit on torch's threads holds for this thread of Python, that on NumPy's for all.
    with one_thread(), torch.inference_mode():
        chunk = torch.empty(ROWS, rows.shape[1], dtype=torch.float32, device="cpu")
        for start in range(0, len(rows), ROWS):
            some = torch.from_numpy(rows[start : start + ROWS])
            chunk[: len(some)] = some
            chunk[len(some) :] = 0
            answers.append(function(chunk)[: len(some)].double())
    return torch.cat(answers).numpy()
