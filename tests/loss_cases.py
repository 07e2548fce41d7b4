"""Losses by name, as an objective has them."""

import torch

from skae.objectives import LOSSES, Loss

# Those that hold what was learned of a table.
OF_COUNTS = {name for name, loss in LOSSES.items() if not isinstance(loss, Loss)}


def loss_of(name, n_columns, depth=2.0):
    """Return a loss, for a table of some columns and a mean depth."""
    loss = LOSSES[name]
    return loss if isinstance(loss, Loss) else loss(n_columns, depth)


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)
