"""Ten million rows of twenty columns through the outlier detector, from Parquet."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ._processes import measured_in_a_process

N_COLUMNS = 20
SIZES = (100_000, 1_000_000, 10_000_000)


def run(data):
    """Yield a table: seconds and memory of the fit and of the scores, by the number of rows."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in SIZES:
            path = Path(folder) / "rows.parquet"
            _write(path, n_rows)
            found.append(
                {"rows": n_rows} | measured_in_a_process("benchmarks.scale._one_detector", path)
            )
    yield pd.DataFrame(found)


def _write(path, n_rows):
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(4, N_COLUMNS))
    schema = pa.schema([(f"x{i}", pa.float64()) for i in range(N_COLUMNS)])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_rows, 2**17):
            n = min(2**17, n_rows - start)
            rows = rng.normal(size=(n, 4)) @ loadings + 0.3 * rng.normal(size=(n, N_COLUMNS))
            writer.write_table(pa.table([*map(pa.array, rows.T)], schema=schema))
