"""The number of threads that torch uses."""

from contextlib import AbstractContextManager, nullcontext
from threading import Lock, current_thread, local, main_thread

import torch

# Multiply-adds of one batch below which waking a second thread costs more than it saves.
_SMALL = 200_000_000


def threads_for(work: int) -> AbstractContextManager[None]:
    """Return a context for steps of `work` multiply-adds, in which small ones use one thread.

    Large steps use the caller's number of threads.
    """
    return nullcontext() if work >= _SMALL and n_threads() > 1 else one_thread()


def n_threads() -> int:
    """Return how many threads the caller may use.

    A thread that is not Python's main thread is one of several, as in a parallel grid search, and
    gets one: together they would use too many.
    """
    return torch.get_num_threads() if current_thread() is main_thread() else 1


class _OneThread:
    """Context that replaces the caller's number of threads, and puts it back afterwards.

    Torch keeps the number for each thread, but a new thread starts with the number that was set
    last by any thread. A value of 1 read while another thread holds the limit may be that
    thread's; the number from before is then put back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._n_threads = 1
        # In each thread, `depth` counts its nested contexts: only the outermost changes the number.
        self._own = local()

    def __enter__(self) -> None:
        own = self._own
        own.depth = getattr(own, "depth", 0) + 1
        if own.depth > 1:
            return
        n_threads = torch.get_num_threads()
        with self._lock:
            if self._users == 0:
                self._n_threads = n_threads
            self._users += 1
            own.before = self._n_threads if n_threads == 1 else n_threads
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        self._own.depth -= 1
        if self._own.depth:
            return
        with self._lock:
            self._users -= 1
            torch.set_num_threads(self._own.before)


_one_thread = _OneThread()


def one_thread() -> AbstractContextManager[None]:
    """Use one thread for torch's products, and put the caller's setting back afterwards.

    One thread is faster for small matrix products, keeps a parallel grid search from
    fighting over the cores, and gives the same bits whatever the number of cores.
    """
    return _one_thread
