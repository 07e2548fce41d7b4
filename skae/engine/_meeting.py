"""Trainings of several threads, which are run in lockstep once all of them have come."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from threading import Event, Lock, local
from typing import Any

from ._lockstep import train_in_lockstep
from ._training import Training

_thread = local()


def present_meeting() -> "Meeting | None":
    """Return the meeting that this thread attends."""
    return getattr(_thread, "meeting", None)


class Meeting:
    """Runs tasks of several threads one at a time, but their trainings together.

    A task that comes to a training waits until `n_seats` tasks wait, or all that there are. It
    begins closed: tasks wait for `open`, so that who meets whom does not depend on chance.
    """

    def __init__(self, n_seats: int) -> None:
        self._n_seats = n_seats
        # Held by the one thread that works.
        self._turn, self._counting = Lock(), Lock()
        self._n_tasks = 0
        self._waiting: list[_Guest] = []
        self._is_open = self._cancelled = False
        self._turn.acquire()

    def open(self) -> None:
        """Let tasks begin."""
        if not self._is_open:
            self._is_open = True
            self._turn.release()

    def expect(self) -> None:
        """Count a task that will attend."""
        with self._counting:
            self._n_tasks += 1

    def attend(self, task: Callable[[], Any]) -> Any:
        """Run an expected task and return its result."""
        with self._turn:
            _thread.meeting = self
            try:
                return task()
            finally:
                del _thread.meeting
                with self._counting:
                    self._n_tasks -= 1
                self._train_if_complete()

    def train(
        self, training: Training, while_training: Callable[[int], AbstractContextManager]
    ) -> None:
        """Run a training together with those of the other tasks.

        `while_training` returns the context for a number of nets. An error of a training is raised
        in its own task alone.
        """
        guest = _Guest(training, while_training)
        with self._counting:
            self._go_on()
            self._waiting.append(guest)
        self._train_if_complete()
        if not guest.done.is_set():
            self._turn.release()
            guest.done.wait()
            self._turn.acquire()
        if guest.error is not None:
            raise guest.error

    def cancel(self) -> None:
        """End all tasks: with a KeyboardInterrupt, or once the trainings have ended early."""
        with self._counting:
            self._cancelled = True
            guests = [*self._waiting]
        self.open()
        for guest in guests:
            guest.error = KeyboardInterrupt()
            guest.done.set()

    def _train_if_complete(self) -> None:
        are_all_here = len(self._waiting) >= min(self._n_seats, self._n_tasks)
        if self._cancelled or not self._waiting or not are_all_here:
            return
        guests, self._waiting = self._waiting, []
        by_training = {guest.training: guest for guest in guests}

        def tell(training: Training, error: Exception) -> None:
            by_training[training].error = error

        try:
            with ExitStack() as stack:
                for guest in guests:
                    stack.enter_context(guest.while_training(len(guests)))
                train_in_lockstep([*by_training], self._go_on, tell)
        except BaseException as error:  # Whatever it is, all tasks wait for an answer.
            for guest in guests:
                guest.error = guest.error or error
        for guest in guests:
            guest.done.set()

    def _go_on(self, n_epochs: int = 0) -> None:
        if self._cancelled:
            raise KeyboardInterrupt


class _Guest:
    """A training that waits for others."""

    def __init__(
        self, training: Training, while_training: Callable[[int], AbstractContextManager]
    ) -> None:
        self.training, self.while_training = training, while_training
        self.done = Event()
        self.error: BaseException | None = None
