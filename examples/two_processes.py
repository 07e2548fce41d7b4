"""
One model, trained by two processes
===================================

``torchrun --nproc-per-node 2 two_processes.py`` starts this file twice. Both processes map the same
file of rows, call the same `fit`, and share every batch. Then the first of them fits alone, for the
picture: the loss of each epoch is the same.
"""

import time
from pathlib import Path
from tempfile import gettempdir

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.distributed as dist

import skae

torch.set_num_threads(1)
dist.init_process_group()
rank, file = dist.get_rank(), Path(gettempdir()) / "two_processes.npy"
if rank == 0:
    rng = np.random.default_rng(0)
    rows = np.tanh(rng.normal(size=(10_000, 10)) @ rng.normal(size=(10, 400)))
    np.save(file, rows.astype(np.float32))
dist.barrier()
X = np.load(file, mmap_mode="r")


def timed_fit():
    """Return a fitted autoencoder, and the seconds that it took."""
    model = skae.AutoencoderTransformer(
        10, hidden_layer_sizes=(256, 128), batch_size=512, max_iter=20, random_state=0
    )
    start = time.perf_counter()
    return model.fit(X), time.perf_counter() - start


together, seconds = timed_fit()
if rank == 0:
    skae.save(together, "two_processes.skae")
dist.destroy_process_group()

if rank == 0:
    alone, seconds_alone = timed_fit()
    print(f"two processes: {seconds:.1f} s, one: {seconds_alone:.1f} s")
    figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    ax.semilogy(alone.loss_curve_, "o", label="one process")
    ax.semilogy(together.loss_curve_, "k-", label="two processes")
    ax.set(xlabel="epoch", ylabel="training loss", xticks=range(0, 20, 5))
    ax.legend()
    figure.savefig("two_processes.png", dpi=80)
    file.unlink()
