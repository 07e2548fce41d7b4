"""Errors for what cannot be trained by several ranks."""

from typing import Any

from torch import nn

from ._ranks import OneRank
from ._world import n_ranks


def refuse_several_ranks(what: str) -> None:
    """Raise a ValueError if this process is one of several ranks; `what` trains in one alone."""
    size = n_ranks()
    if size > 1:
        raise ValueError(
            f"{what} trains in one process, but torch.distributed has {size} ranks. Several "
            f"ranks share the fit of an autoencoder alone. Call it before init_process_group or "
            f"after destroy_process_group."
        )


def check_alike(ranks: OneRank, facts: dict[str, Any]) -> None:
    """Raise a ValueError on all ranks that names the facts in which one differs from rank 0."""
    first, *others = ranks.from_all(facts)
    for rank, found in enumerate(others, start=1):
        for name in first.keys() | found.keys():
            one, other = first.get(name), found.get(name)
            if one != other:
                raise ValueError(
                    f"{name} differs between the ranks: {one} on rank 0, {other} on rank {rank}. "
                    f"Every rank calls fit with the same rows and the same parameters; which rows "
                    f"of a batch it works on is decided there."
                )


def check_divisible(
    ranks: OneRank, module: nn.Module, draws: nn.Module | None, listener: str | None, n_least: int
) -> None:
    """Raise a ValueError for what ranks that hold a part of each batch cannot do.

    `draws` is a layer of `module` that draws from torch's global generators, `listener` a callback
    that listens to single batches, and `n_least` the rows of the smallest batch, or of those that
    are held out.
    """
    if ranks.size == 1:
        return
    for one in module.modules():
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"{type(one).__name__} normalises by all rows of a batch, but each of "
                f"{ranks.size} ranks has some of them. Use normalization='layer', or None."
            )
    if draws is not None:
        raise ValueError(
            f"{type(draws).__name__} draws from torch's global generators, which cannot draw for "
            f"the rows of one of {ranks.size} ranks. Use a network without it; the dropout of "
            f"skae's own networks is drawn for all rows."
        )
    if listener is not None:
        raise ValueError(
            f"The callback {listener!r} listens to single batches, of which each of {ranks.size} "
            f"ranks sees a part. Use one that listens to epochs."
        )
    if n_least < ranks.size:
        raise ValueError(
            f"The smallest batch has n_rows={n_least}, fewer than the {ranks.size} ranks that "
            f"share it. Use a larger batch_size, more rows, or fewer ranks."
        )
