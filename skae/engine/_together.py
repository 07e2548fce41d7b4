"""The training of a net by several processes, from the checks before it to the one after it."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ._callbacks import wants_batches
from ._global_generator import drawing_layer
from ._training_rows import TrainingRows
from .distributed import OneRank, check_alike, check_divisible

if TYPE_CHECKING:
    from ._net import AutoencoderNet

# Rows by which ranks that read different files are found out.
_ENOUGH_ROWS = 1_000


@contextmanager
def trained_by(
    ranks: OneRank, net: "AutoencoderNet", rows: TrainingRows, held_out: TrainingRows | None
) -> Iterator[None]:
    """Let the ranks train a net together while the context lasts.

    Ranks that start from different rows or weights raise a ValueError, all of them, and so do
    ranks that end with different weights.
    """
    if ranks.size == 1:
        yield
        return
    listener = next((name for name, one in net.callbacks_ if wants_batches(one)), None)
    n_least = len(rows) // len(net.get_iterator(rows, training=True))
    if held_out is not None:
        n_least = min(n_least, len(held_out))
    check_divisible(ranks, net.module_, drawing_layer(net.module_), listener, n_least)
    facts = {"X": _digest_of_rows(rows), "the start of the network": _digest_of_weights(net)}
    if held_out is not None:
        facts["the held-out rows"] = _digest_of_rows(held_out)
    check_alike(ranks, facts)
    net.ranks_ = ranks
    try:
        yield
    finally:
        del net.ranks_
    check_alike(ranks, {"the trained network": _digest_of_weights(net)})


def _digest_of_rows(rows: TrainingRows) -> str:
    """Return a digest of a strided subsample of rows, and of all that belongs to them."""
    stride = -(-len(rows) // _ENOUGH_ROWS)
    batch = rows.read(torch.arange(0, len(rows), stride, device=rows.index_device))
    fields = batch.x, batch.weight, batch.target, batch.condition
    return _digest(one for one in fields if one is not None)


def _digest_of_weights(net: "AutoencoderNet") -> str:
    return _digest(p for module in (net.module_, net.criterion_) for p in module.parameters())


def _digest(tensors: Iterable[Tensor]) -> str:
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
