"""What processes of their own do with model files."""

import os
import random
import resource
import signal
import time

import pytest

import skae


def write_and_be_killed(path, ready):
    """Print what is in a file after each of twelve processes that wrote to it was killed."""
    models = [skae.load(other) for other in ready]
    random.seed(0)
    for i in range(12):
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            while True:
                for model in models:
                    skae.save(model, path)
                    os.write(tell, b".")
        # It has saved once more, or not, since it saved one model or the other, however busy the
        # machine is.
        for _ in range(2 + i % 2):
            os.read(told, 1)
        time.sleep(random.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(told)
        os.close(tell)
        print(skae.load(path).random_state, flush=True)


def load_what_is_too_large(paths):
    """Print by how many MiB more memory was taken than before, as all of them are refused."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in paths:
        with pytest.raises(skae.ModelFileError, match="describe a larger network than it holds"):
            skae.load(path)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
