"""Memory that a fit takes on a table that is larger than it should need: a file of 4 GiB."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

N_SAMPLES, N_FEATURES = 2**20, 2**10
MIB = 2**20


def memory_of_a_fit():
    """Return how much anonymous memory one epoch of the defaults takes above the import."""
    if not Path("/proc/self/status").exists():
        return pd.DataFrame()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npy"
        rows = np.lib.format.open_memmap(
            file, mode="w+", dtype=np.float32, shape=(N_SAMPLES, N_FEATURES)
        )
        rng = np.random.default_rng(0)
        block = (rng.normal(size=(2**12, 20)) @ rng.normal(size=(20, N_FEATURES))).astype(
            np.float32
        )
        for start in range(0, N_SAMPLES, len(block)):
            rows[start : start + len(block)] = block
        rows.flush()
        call = [sys.executable, "-m", "benchmarks._memory", str(file)]
        answer = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout
    at_import, peak, seconds = map(float, answer.split())
    columns = ["fit of a 4 GiB float32 file", "at import", "above it at most", "s"]
    return pd.DataFrame([("RssAnon in MiB", at_import, peak - at_import, seconds)], columns=columns)


def _anonymous_memory():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / MIB


def _main(file):
    import torch

    from skae import AutoencoderTransformer

    torch.set_num_threads(1)
    at_import = peak = _anonymous_memory()
    done = threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, _anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    AutoencoderTransformer(max_iter=1, random_state=0).fit(np.load(file, mmap_mode="r"))
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    print(at_import, peak, seconds)


if __name__ == "__main__":
    _main(sys.argv[1])
