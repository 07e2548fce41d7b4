"""A fit that two processes share, beside the same fit in one."""

import json
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

ROUNDS = 3
# Ranks talk once a step, however many rows it has.
BATCH_SIZES = 512, 2048, 8192
N_ROWS, N_FEATURES = 20_000, 784


def run(folder):
    """Fit in one process and in two ranks of one thread each, in turns; return medians.

    Ranks are started by torchrun and talk through gloo. Wall times are those of `fit` alone, until
    the last rank has ended it, and mean something on two free cores; CPU times are those of rank 0.
    """
    measured = []
    with TemporaryDirectory() as place:
        file = Path(place) / "rows.npy"
        np.save(file, _rows(folder))
        for _, batch_size, n_processes in product(range(ROUNDS), BATCH_SIZES, (1, 2)):
            measured.append(_measured(batch_size, n_processes, file))
    groups = pd.DataFrame(measured).groupby(["batch size", "processes"])
    times = groups[["wall s", "CPU s of a process"]].median()
    times["times as fast"] = times.groupby("batch size")["wall s"].transform("first")
    times["times as fast"] /= times["wall s"]
    yield times.assign(loss=groups["loss"].first()).reset_index()


def _rows(folder):
    file = folder / "mnist.npz"
    if file.exists():
        with np.load(file) as data:
            return (data["X_train"][:N_ROWS].reshape(N_ROWS, -1) / 255).astype(np.float32)
    return np.random.default_rng(0).random((N_ROWS, N_FEATURES), dtype=np.float32)


def _measured(batch_size, n_processes, file):
    """Return what a fit took that so many processes share."""
    answer = file.with_name("answer.json")
    # The launcher gives each process one thread.
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n_processes}"]
    arguments = ["-m", "benchmarks.scale.ranks", str(batch_size), str(file), str(answer)]
    subprocess.run([sys.executable, *launcher, *arguments], check=True, stderr=subprocess.DEVNULL)
    found = json.loads(answer.read_text())
    return {"batch size": batch_size, "processes": n_processes, **found}


def _main(batch_size, file, answer):
    """Fit as one of the ranks; the first of them writes down how long it took."""
    import torch
    import torch.distributed as dist

    from skae import AutoencoderTransformer

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    X = np.load(file, mmap_mode="r")
    params = {"hidden_layer_sizes": (256, 128), "random_state": 0}
    # The first fit of a process also imports what torch needs for it.
    AutoencoderTransformer(2, max_iter=1, **params).fit(X[:1000])
    dist.barrier()
    start = time.perf_counter(), time.process_time()
    ae = AutoencoderTransformer(32, batch_size=int(batch_size), **params).fit(X)
    dist.barrier()
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    if dist.get_rank() == 0:
        found = {"wall s": wall, "CPU s of a process": cpu, "loss": ae.loss_}
        Path(answer).write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    _main(*sys.argv[1:])
