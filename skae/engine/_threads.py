"""How many threads torch uses for a piece of work."""

from contextlib import contextmanager, nullcontext

import torch

# Multiply-adds of one batch below which waking a second thread costs more than it saves.
_SMALL = 200_000_000


def threads_for(work):
    """Run small work on one thread, and put the caller's setting back afterwards.

    Parameters
    ----------
    work : int
        Multiply-adds of one step.

    Returns
    -------
    context : context manager
    """
    return one_thread() if work < _SMALL else nullcontext()


@contextmanager
def one_thread():
    """Use one thread for torch's products, and put the caller's setting back afterwards.

    One thread is faster for small matrix products, keeps a parallel grid search from
    fighting over the cores, and gives the same bits whatever the number of cores.
    The setting is the calling thread's own; other threads keep theirs.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
