"""Real processes without the seconds that importing torch takes: forks of one that has it."""

import multiprocessing
import os
import runpy
import signal
import sys
from contextlib import contextmanager
from multiprocessing.reduction import DupFd

from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend import context as loky_context

# One process imports these once; each process of a test is a fork of it. The first optimizer of
# torch imports torch._dynamo, which takes two seconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["skae.cli", "skae.serving", "cyclopts", "uvicorn", "starlette.applications", "torch._dynamo"]
)
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


class Descriptor:
    """A file descriptor that becomes one of the process that it is sent to."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return _detached, (DupFd(self.number),)


def _detached(sent):
    return sent.detach()


class Process:
    """A process that calls a function, with the face of ``subprocess.Popen``.

    `streams` are file descriptors, by "stdin", "stdout" and "stderr"; where none is given there is
    a pipe. Signals in `ignored` are ignored from the start. The status is that of a program whose
    last line calls the function.
    """

    def __init__(self, function, *args, cwd=".", ignored=(), **streams):
        descriptors = []
        for name, mode in STREAMS.items():
            if name not in streams:
                read, write = os.pipe()
                ours, streams[name] = (read, write) if mode == "w" else (write, read)
                setattr(self, name, os.fdopen(ours, "r" if mode == "w" else "w"))
                descriptors.append(streams[name])
        theirs = [Descriptor(streams[name]) for name in STREAMS]
        self._process = CONTEXT.Process(target=_call, args=(theirs, cwd, ignored, function, args))
        self._process.start()
        for number in descriptors:
            os.close(number)
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()
        self._process.join()
        for name in STREAMS:
            if hasattr(self, name):
                getattr(self, name).close()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self._process.kill()

    def poll(self):
        """Return the exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout=60):
        """Return the exit status; a process that does not end in time fails the test."""
        self._process.join(timeout)
        assert self.poll() is not None
        return self.poll()


def _call(streams, cwd, ignored, function, args):
    for number, (descriptor, (name, mode)) in enumerate(zip(streams, STREAMS.items(), strict=True)):
        os.dup2(descriptor, number)
        setattr(sys, name, os.fdopen(number, mode, 1 if name == "stderr" else -1))
    # Where tests run in the background they may ignore interrupts, and processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for one in ignored:
        signal.signal(one, signal.SIG_IGN)
    os.chdir(cwd)
    function(*args)


def run_program(package, *arguments):
    """Do what ``python -m`` does with a package that nobody has imported before."""
    for name in [*sys.modules]:
        if name.split(".")[0] == package:
            del sys.modules[name]
    sys.argv = [package, *arguments]
    runpy.run_module(package, run_name="__main__", alter_sys=True)


@contextmanager
def joblib_forks():
    """Let the processes of joblib be forks, too; what they are sent and answer is the same."""
    before = loky_context.get_start_method()
    loky_context.set_start_method(CONTEXT.get_start_method(), force=True)
    try:
        yield
    finally:
        get_reusable_executor().shutdown(wait=True)
        loky_context.set_start_method(before, force=True)
