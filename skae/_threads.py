"""The number of threads that torch uses."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, current_thread, local, main_thread

import torch

# Multiply-adds of one batch below which waking a second thread costs more than it saves.
_SMALL = 200_000_000


def threads_for(work: int) -> AbstractContextManager[None]:
    """Return a context for steps of `work` multiply-adds, in which small ones use one thread.

    Large steps use the caller's number of threads. A thread that is not Python's main thread is
    one of several, as in a parallel grid search, and gets one: together they would use too many.
    """
    alone = current_thread() is main_thread()
    return nullcontext() if alone and work >= _SMALL else one_thread()


@contextmanager
def one_thread() -> Iterator[None]:
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
    """The caller's number of threads while any thread holds the limit of one.

    Torch keeps the number for each thread, but a new thread starts with the number that was set
    last by any thread. A value of 1 read while another thread holds the limit may be that
    thread's; the number from before is then put back.
    """

    lock = Lock()
    users = 0
    n_threads = 1
    # In each thread, `depth` counts its nested contexts: only the outermost changes the setting.
    own = local()

    @classmethod
    def enter(cls) -> None:
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
    def leave(cls) -> None:
        cls.own.depth -= 1
        if cls.own.depth:
            return
        with cls.lock:
            cls.users -= 1
            torch.set_num_threads(cls.own.before)
