"""Rows of ten kinds, in files larger than memory: in random order, or sorted by the kind."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N_COLUMNS, N_KINDS, N_FACTORS = 100, 10, 8

# Rows that are made at a time, and in a row group of Parquet.
_BLOCK = 2**17


def n_rows_of(gib):
    """Return how many rows of float32 have this size."""
    return int(gib * 2**30) // (4 * N_COLUMNS) // _BLOCK * _BLOCK


def blocks(n_rows, is_sorted, seed=0):
    """Yield the rows, a block at a time."""
    shapes = np.random.default_rng(0)
    means = shapes.normal(size=(N_KINDS, N_COLUMNS)).astype(np.float32)
    loadings = shapes.normal(size=(N_KINDS, N_FACTORS, N_COLUMNS)).astype(np.float32)
    rng = np.random.default_rng(seed + 1)
    for start in range(0, n_rows, _BLOCK):
        n = min(_BLOCK, n_rows - start)
        kind = rng.integers(N_KINDS, size=n)
        if is_sorted:
            kind = (np.arange(start, start + n) * N_KINDS // n_rows).astype(int)
        rows = means[kind] + 0.5 * rng.standard_normal((n, N_COLUMNS), dtype=np.float32)
        factors = rng.standard_normal((n, N_FACTORS), dtype=np.float32)
        for k in np.unique(kind):
            rows[kind == k] += factors[kind == k] @ loadings[k]
        yield rows


def write_map(path, n_rows):
    """Write the rows as an array of NumPy."""
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, N_COLUMNS))
    start = 0
    for rows in blocks(n_rows, is_sorted=False):
        mapped[start : start + len(rows)], start = rows, start + len(rows)
    mapped.flush()


def write_parquet(path, n_rows, is_sorted):
    """Write the rows as Parquet."""
    names = [f"x{i}" for i in range(N_COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in names])
    # Numbers at random are not made smaller by either.
    with pq.ParquetWriter(path, schema, compression=None, use_dictionary=False) as writer:
        for rows in blocks(n_rows, is_sorted):
            writer.write_table(pa.table([*map(pa.array, rows.T)], schema=schema))
