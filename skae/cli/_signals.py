"""Signals that end a command."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

# Default handlers of signals. Windows has no SIGHUP.
_DEFAULTS = {
    getattr(signal, name): default
    for name, default in (
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    )
    if hasattr(signal, name)
}


@contextmanager
def exits_at_signals() -> Iterator[None]:
    """Turn a signal into an exception, so that unfinished files are removed.

    The exit status is 128 and the number of the signal, as shells show it. Ignored signals, as
    under nohup, stay ignored.
    """
    if current_thread() is not main_thread():
        # Only the main thread may handle signals.
        yield
        return
    received: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    handled = {one: how for one, how in _DEFAULTS.items() if signal.getsignal(one) == how}
    for one in handled:
        signal.signal(one, leave)
    try:
        yield
    except Exception:
        # Compiled code, such as pandas's parser, makes errors of exceptions that it does not know.
        if not received:
            raise
    finally:
        for one, how in handled.items():
            signal.signal(one, how)
    if received:
        sys.exit(128 + received[0])
