"""Model files that are read again when they are replaced."""

import hashlib
import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from ._loading import load_model
from ._served_model import ServedModel

# Seconds between two looks at a file.
_INTERVAL = 1.0


class WatchedFile:
    """A model file; `trusted` are types that it may need, and the log calls it `shown`."""

    def __init__(
        self, path: str | os.PathLike, trusted: Collection[str], shown: str | None = None
    ) -> None:
        self.path = Path(path)
        self._trusted, self._shown = trusted, shown or str(path)
        # A file that cannot be served is tried once, and not at every look.
        self._tried = self._seen = _signature(self.path)

    def load(self) -> tuple[ServedModel, str]:
        """Return the model, which has answered trial rows, and the SHA-256 of its file."""
        before = _signature(self.path)
        model = load_model(self.path, self._trusted)
        digest = digest_of(self.path)
        if _signature(self.path) != before:
            raise replaced_while_read(self.path)
        return model, digest

    @contextmanager
    def watched(
        self, take: Callable[[ServedModel, str], None], count: Callable[[bool], None]
    ) -> Iterator[None]:
        """Load the file, on a thread, whenever it is replaced, and take the model in it.

        If that fails, the log says why. `count` is told whether a model was taken.
        """
        ended = Event()
        thread = Thread(target=self._watch, args=(ended, take, count), name="skae-reload")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(
        self, ended: Event, take: Callable[[ServedModel, str], None], count: Callable[[bool], None]
    ) -> None:
        while not ended.wait(_INTERVAL):
            if self._is_replaced():
                count(self._read_again(take))

    def _read_again(self, take: Callable[[ServedModel, str], None]) -> bool:
        """Load the file and take the model in it; return whether that worked."""
        log = logging.getLogger("uvicorn.error")
        try:
            model, digest = self.load()
            take(model, digest)
        except BaseException as error:
            # Also SystemExit and the panics of Rust: a later file may be better.
            log.error(
                "%s was replaced and is not served, the model before answers on: %s",
                self._shown,
                str(error) or type(error).__name__,
            )
            return False
        log.info("%s was replaced; SHA-256 %s answers", self._shown, digest)
        return True

    def _is_replaced(self) -> bool:
        """Whether the file is another one than before, and nobody writes to it any more."""
        found = _signature(self.path)
        is_settled, self._seen = found == self._seen, found
        if found is None or not is_settled or found == self._tried:
            return False
        self._tried = found
        return True


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replaced_while_read(path: Path) -> ValueError:
    """Return the error of a file that became another one while it was read."""
    return ValueError(
        f"{str(path)!r} was replaced while it was read. Start again when it is written; skae.save "
        f"replaces a file at once, and so does `mv` from the same disk."
    )


def _signature(path: Path) -> tuple[int, ...] | None:
    """Return numbers that change when a file is replaced or written to; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
