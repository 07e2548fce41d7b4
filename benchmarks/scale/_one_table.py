"""A process that fits one model on one table, and answers all of its rows."""

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from ._processes import Peak, anonymous_mib
from ._rows import N_COLUMNS, blocks, n_rows_of


def _main(kind, path):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    fit, transform, score = _PEER_MODELS.get(kind, _of_skae)(kind)
    rows = path if path.endswith(".parquet") else np.load(path, mmap_mode="r")
    n_rows = n_rows_of(os.path.getsize(path) / 2**30) if path.endswith(".npy") else _rows_in(path)
    if kind == "in memory":
        rows = np.array(rows)
    before = anonymous_mib()
    with Peak() as of_fit:
        fit(rows)
    with Peak() as of_transform:
        transform(rows, Path(path).parent / "codes.parquet")
    new = next(blocks(100_000, is_sorted=False, seed=99))
    found = {
        "fit, us a row": 1e6 * of_fit.seconds / n_rows,
        "fit, CPU us a row": 1e6 * of_fit.cpu_seconds / n_rows,
        "transform, us a row": 1e6 * of_transform.seconds / n_rows,
        "transform, CPU us a row": 1e6 * of_transform.cpu_seconds / n_rows,
        "anonymous MiB at most": max(of_fit.mib, of_transform.mib),
        "of these before": before,
        "unexplained share": score(new) / float(np.var(new, axis=0).mean()),
    }
    print(json.dumps(found))


def _rows_in(path):
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).metadata.num_rows


def _of_skae(kind):
    from skae import AutoencoderTransformer

    model = AutoencoderTransformer(8, max_iter=1, random_state=0)

    def transform(rows, path):
        model.transform(rows, to=path)

    return model.fit, transform, lambda new: -model.score(new)


def _incremental_pca(kind):
    from sklearn.decomposition import IncrementalPCA

    model = IncrementalPCA(8, batch_size=2**14)

    def transform(rows, path):
        for start in range(0, len(rows), 2**14):
            model.transform(rows[start : start + 2**14])

    def score(new):
        return np.mean((new - model.inverse_transform(model.transform(new))) ** 2)

    return model.fit, transform, score


def _data_loader(kind):
    """Return the loop of a textbook: torch's DataLoader reads one row after the other."""
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    class Rows(Dataset):
        def __init__(self, rows):
            self.rows = rows

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, i):
            return torch.from_numpy(np.array(self.rows[i]))

    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.Linear(N_COLUMNS, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 8)
    )
    decoder = nn.Sequential(
        nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, N_COLUMNS)
    )

    def fit(rows):
        optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
        for batch in DataLoader(Rows(rows), batch_size=256, shuffle=True):
            optimizer.zero_grad()
            nn.functional.mse_loss(decoder(encoder(batch)), batch).backward()
            optimizer.step()

    @torch.no_grad()
    def transform(rows, path):
        for batch in DataLoader(Rows(rows), batch_size=1024):
            encoder(batch)

    @torch.no_grad()
    def score(new):
        x = torch.from_numpy(new)
        return float(nn.functional.mse_loss(decoder(encoder(x)), x))

    return fit, transform, score


_PEER_MODELS = {"IncrementalPCA": _incremental_pca, "DataLoader": _data_loader}

if __name__ == "__main__":
    _main(*sys.argv[1:])
