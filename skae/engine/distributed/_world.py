"""The ranks that this process belongs to."""

import os
from functools import cache

import torch.distributed as dist

from skae._warnings import warn_caller

from ._groups import Groups
from ._ranks import ONE_RANK, OneRank, Ranks

# The groups of the present world; a script may end one and start another.
_groups: tuple[object, Groups] | None = None


def n_ranks() -> int:
    """Return the number of processes of torch.distributed, one if it is not initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def ranks_of_process() -> OneRank:
    """Return the ranks that train together: all of torch.distributed, if it is initialised.

    A launcher alone makes no ranks. The process group is a setting of the whole process, with a
    backend, a device and an end, and the script may start many processes for another reason: so the
    script calls ``torch.distributed.init_process_group()``, as for all of torch.
    """
    global _groups
    if n_ranks() == 1:
        started = os.environ.get("WORLD_SIZE", "1") if "RANK" in os.environ else "1"
        # A script that has trained together before knows how to.
        if started != "1" and _groups is None:
            _warn_of_training_alone(started)
        return ONE_RANK
    world = dist.group.WORLD
    if _groups is None or _groups[0] is not world:
        _groups = world, Groups()
    return Ranks(_groups[1])


@cache
def _warn_of_training_alone(size: str) -> None:
    warn_caller(
        f"This is one of {size} processes of a launcher such as torchrun, but each of them trains "
        f"alone. To train one model together, write torch.distributed.init_process_group() before "
        f"fit."
    )
