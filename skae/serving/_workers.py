"""Several processes that answer at one port, and the process that looks after them."""

import logging
import logging.config
import multiprocessing
import os
import shutil
import signal
import socket
import sys
from collections.abc import Collection
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sklearn.base import BaseEstimator

from ._loading import load_model
from ._metrics import Metrics, forget_process, shared_metrics
from ._running import run_server
from ._served_model import ServedModel
from ._stop_signals import StopSignals
from ._watched_file import WatchedFile, digest_of, replaced_while_read

# Forks of one process share the memory of the libraries that it has imported.
_CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")

_log = logging.getLogger("uvicorn.error")

# Seconds after a worker was replaced, so that one that dies at once is not started all the time.
_PAUSE = 1.0


def run_workers(
    model: str | os.PathLike | BaseEstimator,
    trusted: Collection[str],
    n_workers: int,
    host: str,
    port: int,
    **options: Any,
) -> None:
    """Serve a model by several processes; `options` are those of `app_of`.

    This process loads each model file first. The workers read a copy of it, which only files that
    can be served replace, so that a worker that is started later finds the model of the others.
    """
    from uvicorn.config import LOGGING_CONFIG

    logging.config.dictConfig(LOGGING_CONFIG)
    if _CONTEXT.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        # It imports while this process loads the model. The optimizer of a model needs _dynamo.
        _CONTEXT.set_forkserver_preload(
            ["skae.serving", "uvicorn", "prometheus_client", "torch._dynamo"]
        )
        forkserver.ensure_running()
    watching: Any = nullcontext()
    file = WatchedFile(model, trusted) if isinstance(model, str | os.PathLike) else None
    loaded = file.load() if file else (load_model(model, trusted), "")
    with TemporaryDirectory(prefix="skae-") as folder, shared_metrics(folder):
        metrics = Metrics(options["name"], folder)
        if file:
            model = Path(folder) / f"model{file.path.suffix}"
            take = partial(_copy, file.path, model)
            take(*loaded)
            watching = file.watched(take, metrics.count_reload)
        del loaded
        with _listening(host, port) as listener, StopSignals() as signals:
            workers = _Workers(signals, folder, (listener, model, trusted, folder, options))
            try:
                if workers.start(n_workers):
                    _log.info(
                        "Uvicorn running on http://%s:%d by %d workers (Press CTRL+C to quit)",
                        f"[{host}]" if ":" in host else host,
                        listener.getsockname()[1],
                        n_workers,
                    )
                    with watching:
                        workers.look_after()
            finally:
                # Nobody would answer connections that only this process has.
                listener.close()
                workers.stop()


def _copy(path: Path, copy: Path, model: ServedModel, digest: str) -> None:
    """Give the workers the file of a model that was loaded."""
    # Its name has the same ending, which says what a file holds.
    new = copy.with_name(f"new{copy.suffix}")
    shutil.copyfile(path, new)
    if digest_of(new) != digest:
        raise replaced_while_read(path)
    os.replace(new, copy)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; a port that is taken ends the process as uvicorn does."""
    from uvicorn.config import STARTUP_FAILURE

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        _log.error(error)
        sys.exit(STARTUP_FAILURE)


class _Workers:
    """Processes of `_work` with these arguments; the gauges of their metrics are in a folder."""

    def __init__(self, signals: StopSignals, folder: str, arguments: tuple) -> None:
        self._signals, self._folder, self._arguments = signals, folder, arguments
        self._processes: list[Any] = []

    def start(self, n_workers: int) -> bool:
        """Start the workers; return whether they answer before a signal tells to stop."""
        started = [self._start_one() for _ in range(n_workers)]
        for process, ready in zip(self._processes, started, strict=True):
            wait([ready, process.sentinel, self._signals.socket])
            if self._signals.read():
                return False
            try:
                ready.recv()
            except EOFError as error:
                raise RuntimeError(
                    f"A worker did not start: its process {process.pid} has ended. The log above "
                    f"says why; if it does not, the memory may be too little for {n_workers} "
                    f"workers."
                ) from error
        return True

    def look_after(self) -> None:
        """Replace workers that end, until a signal tells to stop."""
        while not self._signals.read():
            wait([self._signals.socket, *(one.sentinel for one in self._processes)])
            ended = [process for process in self._processes if not process.is_alive()]
            for process in ended:
                _log.error(
                    "The worker %d ended with the status %s; another takes its place",
                    process.pid,
                    process.exitcode,
                )
                self._processes.remove(process)
                forget_process(process.pid, self._folder)
                self._start_one()
            if ended:
                wait([self._signals.socket], timeout=_PAUSE)

    def stop(self) -> None:
        """Let the workers answer what they have accepted, and wait for their end.

        A second Ctrl+C gives up requests that are not computed yet.
        """
        self._send(signal.SIGTERM)
        while running := [one.sentinel for one in self._processes if one.is_alive()]:
            wait([self._signals.socket, *running])
            if signal.SIGINT in self._signals.read():
                self._send(signal.SIGINT)

    def _start_one(self) -> Any:
        """Start a worker; return a connection that is readable when it answers requests."""
        ready, tell = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_work, args=(tell, *self._arguments))
        process.start()
        self._processes.append(process)
        return ready

    def _send(self, number: int) -> None:
        for process in self._processes:
            if process.is_alive():
                os.kill(process.pid, number)


def _work(
    tell: Any, listener: socket.socket, model: Any, trusted: Any, folder: str, options: Any
) -> None:
    """Answer requests in a process of its own."""
    if hasattr(os, "setpgrp"):
        # Ctrl+C is for the process that looks after the workers.
        os.setpgrp()
    parent: Any = multiprocessing.parent_process()

    def tell_ready() -> None:
        # Nobody waits for a worker that takes another's place.
        with suppress(OSError):
            tell.send(None)

    with shared_metrics(folder):
        run_server(
            model,
            trusted,
            Metrics(options["name"], folder),
            # Reloads are counted once, and not by each worker.
            count_reload=lambda taken: None,
            on_start=tell_ready,
            sockets=[listener],
            shown=f"The model of worker {os.getpid()}",
            **options,
        )
    if not parent.is_alive():
        # It was killed, and could not tidy up.
        shutil.rmtree(folder, ignore_errors=True)
