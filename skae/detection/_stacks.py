"""Stacks of arrays, one for each member of an ensemble."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


def stacked(arrays: Sequence[np.ndarray], fill: float = 0) -> np.ndarray:
    """Return arrays as one, padded to the largest of each dimension."""
    largest = np.max([array.shape for array in arrays], axis=0)
    stack = np.full((len(arrays), *largest), fill, dtype=np.result_type(*arrays))
    for place, array in zip(stack, arrays, strict=True):
        place[tuple(map(slice, array.shape))] = array
    return stack


def buffer(values: np.ndarray, dtype: torch.dtype | None = None) -> nn.Buffer:
    """Return values as a constant of a module."""
    return nn.Buffer(torch.tensor(values, dtype=dtype, device="cpu"), persistent=False)
