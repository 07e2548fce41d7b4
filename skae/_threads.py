"""How many threads torch uses for a piece of work."""

from contextlib import contextmanager, nullcontext
from threading import Lock, current_thread, local, main_thread

import torch

# Multiply-adds of one batch below which waking a second thread costs more than it saves.
_SMALL = 200_000_000


def threads_for(work):
    """Run small work on one thread, and put the caller's setting back afterwards.

    Large work has the caller's number of threads. One that is not Python's main thread is one
    of several at work, as in a parallel grid search; together they would take too many.

    Parameters
    ----------
    work : int
        Multiply-adds of one step.

    Returns
    -------
    context : context manager
    """
    alone = current_thread() is main_thread()
    return nullcontext() if alone and work >= _SMALL else one_thread()


@contextmanager
def one_thread():
    """Use one thread for torch's products, and put the caller's setting back afterwards.

    One thread is faster for small matrix products, keeps a parallel grid search from
    fighting over the cores, and gives the same bits whatever the number of cores.
    """
    _Setting.enter()
    try:
        yield
    finally:
        _Setting.leave()


class _Setting:
    """The caller's number of threads, while anyone runs on one.

    Torch keeps the number for each thread, but a new thread starts with the one that was
    set last anywhere. So a one that is found while others run on one may be theirs: then the
    number from before them is put back.
    """

    lock = Lock()
    users = 0
    n_threads = None
    # How often this thread has entered without leaving: only the outermost one counts.
    own = local()

    @classmethod
    def enter(cls):
        cls.own.depth = getattr(cls.own, "depth", 0) + 1
        if cls.own.depth > 1:
            return
        n_threads = torch.get_num_threads()
        with cls.lock:
            if cls.users == 0:
                cls.n_threads = n_threads
            cls.users += 1
            cls.own.before = cls.n_threads if n_threads == 1 else n_threads
            torch.set_num_threads(1)

    @classmethod
    def leave(cls):
        cls.own.depth -= 1
        if cls.own.depth:
            return
        with cls.lock:
            cls.users -= 1
            torch.set_num_threads(cls.own.before)
