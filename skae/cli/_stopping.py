"""Signals that end a command."""

import signal
import sys
from contextlib import contextmanager
from threading import current_thread, main_thread

# The interrupt is an exception of Python by itself; Windows has no SIGHUP.
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def exits_at_signals():
    """Let a signal leave like an exception, so that unfinished files are removed.

    The exit status is 128 and the number of the signal, as shells show it. What is ignored, as
    under nohup, stays so.
    """
    if current_thread() is not main_thread():
        # Only the main thread may handle signals.
        yield
        return
    handled = [one for one in _SIGNALS if signal.getsignal(one) == signal.SIG_DFL]
    for one in handled:
        signal.signal(one, _exit)
    try:
        yield
    finally:
        for one in handled:
            signal.signal(one, signal.SIG_DFL)


def _exit(number, frame):
    # A second one must not interrupt what the first one cleans up.
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)
