"""Signals that tell a process to stop, as something to wait for."""

import signal
import socket
import threading
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Context in which SIGINT and SIGTERM make `socket` readable, and do nothing else.

    Python lets only the main thread receive signals; in other threads none come.
    """

    def __enter__(self) -> "StopSignals":
        self.socket, self._writer = socket.socketpair()
        self.socket.setblocking(False)
        self._writer.setblocking(False)
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self._wakeup_fd = signal.set_wakeup_fd(self._writer.fileno())
            for one in _SIGNALS:
                self._handlers[one] = signal.signal(one, lambda number, frame: None)
        return self

    def __exit__(self, *error: object) -> None:
        for one, handler in self._handlers.items():
            signal.signal(one, handler)
        if self._handlers:
            signal.set_wakeup_fd(self._wakeup_fd)
        self.socket.close()
        self._writer.close()

    def read(self) -> list[int]:
        """Return the signals that have come since the last call."""
        try:
            numbers = self.socket.recv(1024)
        except BlockingIOError:
            return []
        return [number for number in numbers if number in _SIGNALS]
