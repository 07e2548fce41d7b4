"""A fit of one epoch and the codes of all rows, from files larger than memory, and from memory."""

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from ._processes import measured_in_a_process
from ._rows import n_rows_of, write_map, write_parquet

# What is compared with is measured on fewer rows: it must fit into memory, or takes long.
GIB, FEW_GIB = float(os.environ.get("SKAE_SCALE_GIB", 16)), 1

_SOURCES = ["memory map", "Parquet", "Parquet sorted by kind"]
_PEERS = ["in memory", "memory map", "IncrementalPCA", "DataLoader"]


def run(data):
    """Yield a table: microseconds a row, memory and the loss of rows that were not seen."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        found = [_measured(Path(folder), kind, FEW_GIB) for kind in _PEERS]
        found += [_measured(Path(folder), kind, GIB) for kind in _SOURCES]
    table = pd.DataFrame(found)
    in_memory = table[table["rows from"] == "in memory"].iloc[0]
    for what in ("fit", "transform"):
        table[f"speed of {what}"] = in_memory[f"{what}, us a row"] / table[f"{what}, us a row"]
    yield table


def _measured(folder, kind, gib):
    n_rows, is_map = n_rows_of(gib), "Parquet" not in kind
    path = folder / ("rows.npy" if is_map else "rows.parquet")
    if is_map:
        write_map(path, n_rows)
    else:
        write_parquet(path, n_rows, is_sorted="sorted" in kind)
    found = measured_in_a_process("benchmarks.scale._one_table", kind, path)
    path.unlink()
    shutil.rmtree(folder / "codes", ignore_errors=True)
    return {"rows from": kind, "GiB": gib} | found
