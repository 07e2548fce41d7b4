"""Counts as logarithms that do not depend on the total of their row."""

import torch
from torch import Tensor


def depths_of(counts: Tensor) -> Tensor:
    """Return the total of each row, with a last dimension of one."""
    return counts.sum(dim=-1, keepdim=True)


def log_rates(counts: Tensor, depth: float) -> Tensor:
    """Return log(1 + counts) of rows, each scaled to the total `depth`; zeros where it has none."""
    found = depths_of(counts)
    return torch.log1p(counts * (depth / torch.where(found > 0, found, 1.0)))
