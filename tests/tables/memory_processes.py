"""What a process does that measures its own memory."""

import ctypes
import threading

import numpy as np

from skae import AutoencoderTransformer

# Names of glibc for what the C library keeps of freed memory.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8


def resident():
    """Memory of the process in MB, without pages of files."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1000 for line in status if "RssAnon" in line)


def growth(X):
    """How much more memory than before a fit takes at its most."""
    sizes, done = [resident()], threading.Event()

    def watch():
        while not done.wait(0.002):
            sizes.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    params = {"hidden_layer_sizes": 4, "max_iter": 1, "batch_size": 512, "random_state": 0}
    AutoencoderTransformer(2, init="pca", early_stopping=False, **params).fit(X)
    done.set()
    watcher.join()
    return max(sizes) - sizes[0]


def print_growth(path):
    """Print what a fit on a mapped file takes, and one on an array in memory."""
    # Otherwise the C library keeps freed memory for later, and how much of it is left to chance.
    library = ctypes.CDLL(None)
    assert library.mallopt(M_MMAP_THRESHOLD, 65536)
    assert library.mallopt(M_ARENA_MAX, 1)
    X = np.lib.format.open_memmap(path, "w+", np.float32, (2**16, 128))
    X.reshape(-1, 2**20)[:] = np.random.default_rng(0).normal(size=2**20)
    growth(X[:5000])
    mapped = np.load(path, mmap_mode="r")
    print(growth(mapped), growth(mapped.astype(float)))
