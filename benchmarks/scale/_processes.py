"""Processes of their own, so that each measures its own time and memory."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

MIB = 2**20


def measured_in_a_process(module, *arguments):
    """Return what the `main` of a module prints: one line of JSON."""
    call = [sys.executable, "-m", module, *map(str, arguments)]
    answer = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer.splitlines()[-1])


def anonymous_mib():
    """Return the memory of this process in MiB, without pages of files."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / MIB


class Peak:
    """A context that measures this process: `seconds`, `cpu_seconds` and the peak of its memory.

    That is `mib`, the anonymous memory.
    """

    def __enter__(self):
        self.mib = anonymous_mib()
        self._start, self._cpu, self._done = (
            time.perf_counter(),
            time.process_time(),
            threading.Event(),
        )
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def _watch(self):
        while not self._done.wait(0.01):
            self.mib = max(self.mib, anonymous_mib())

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self._start
        self.cpu_seconds = time.process_time() - self._cpu
        self._done.set()
        self._watcher.join()
