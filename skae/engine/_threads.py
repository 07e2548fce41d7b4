"""How many threads torch uses for a piece of work."""

from contextlib import contextmanager

import torch

# Multiply-adds of one batch below which waking a second thread costs more than it saves.
_SMALL = 200_000_000


@contextmanager
def threads_for(work):
    """Run small work on one thread, and put the caller's setting back afterwards.

    One thread is faster for small matrix products, keeps a parallel grid search from
    fighting over the cores, and gives the same bits whatever the number of cores.
    The setting is the calling thread's own; other threads keep theirs.

    Parameters
    ----------
    work : int
        Multiply-adds of one step.
    """
    before = torch.get_num_threads()
    if work >= _SMALL or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
