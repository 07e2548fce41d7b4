"""A training among others that are run in lockstep."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from ._training import EpochLoop, Training


class LockstepRun:
    """A training among others; with `on_error` it may fail without them."""

    def __init__(
        self,
        training: Training,
        release: Callable[[], None],
        on_error: Callable[[Training, Exception], None] | None,
    ) -> None:
        self._training, self._release, self._on_error = training, release, on_error
        self._failed = False

    def __enter__(self) -> Self:
        with self._telling():
            self._training.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if not self._failed:
            self._training.__exit__(kind, error, traceback)

    @property
    def loop(self) -> EpochLoop:
        """The epochs of a training that has not failed."""
        return self._training.loop

    @property
    def goes_on(self) -> bool:
        """Whether an epoch is to be run."""
        return not self._failed and self.loop.goes_on

    def attempt(self, step: Callable[[EpochLoop], None]) -> None:
        """Let the epochs take a step, unless the training has failed."""
        if self._failed:
            return
        with self._telling():
            try:
                step(self.loop)
            except Exception as error:
                if self._on_error is not None:
                    # A net of a stack first gets memory of its own.
                    self._release()
                    self._training.__exit__(type(error), error, error.__traceback__)
                raise

    def interrupt(self) -> None:
        """Let training end as the keyboard would."""
        if not self._failed:
            self.loop.net.interrupted_ |= self.loop.goes_on

    def settle(self) -> None:
        """Decide which weights are kept; see `Training`."""
        if not self._failed:
            with self._telling():
                self._training.settle()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._on_error is None:
                raise
            self._failed = True
            self._on_error(self._training, error)
