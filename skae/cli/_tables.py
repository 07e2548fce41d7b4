"""Tables in files, chunk by chunk."""

import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from skae._extras import require

# Rows that are in memory at a time.
CHUNK = 10_000

_ENDINGS = (".csv", ".parquet")


def ending_of(path):
    """Return the kind of a table by the ending of its name: ".csv" or ".parquet".

    Raises
    ------
    ValueError
        If it has another one.
    """
    # Compressed CSV is CSV to pandas.
    name = path.name.lower()
    for compressed in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(compressed) if name.endswith(f".csv{compressed}") else name
    ending = Path(name).suffix
    if ending not in _ENDINGS:
        raise ValueError(
            f"{path} is neither CSV nor Parquet by its name, expected one that ends in "
            f"{' or '.join(_ENDINGS)}."
        )
    return ending


def chunks_of(path, what="rows"):
    """Yield a table in parts, with a progress bar where someone looks.

    Parameters
    ----------
    path : Path
        CSV or Parquet.
    what : str
        Stands before the bar.

    Yields
    ------
    chunk : DataFrame
        The next rows, `CHUNK` at most.
    """
    n_rows = 0
    with ExitStack() as stack:
        if ending_of(path) == ".csv":
            total, chunks = None, stack.enter_context(pd.read_csv(path, chunksize=CHUNK))
        else:
            file = require("pyarrow.parquet", "cli").ParquetFile(path)
            total = stack.enter_context(file).metadata.num_rows
            chunks = (batch.to_pandas() for batch in file.iter_batches(batch_size=CHUNK))
        # A bar on the standard error, unless that is a file.
        bar = stack.enter_context(tqdm(desc=what, total=total, unit=" rows", disable=None))
        for chunk in chunks:
            if chunk.empty:
                continue
            # Rows are counted from the beginning of the table.
            chunk.index = range(n_rows, n_rows + len(chunk))
            yield chunk
            bar.update(len(chunk))
            n_rows += len(chunk)
    if n_rows == 0:
        raise ValueError(f"{path} has no rows.")


def columns_of(chunk, names):
    """Return columns of a table by their names.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    absent = [name for name in names if name not in chunk]
    if absent:
        there = ", ".join(map(str, chunk.columns))
        raise ValueError(f"The table has no column {absent[0]!r}. It has: {there}.")
    return chunk[[*names]]


def features_of(chunk, model=None, drop=()):
    """Return the columns that a model takes, as numbers.

    Parameters
    ----------
    chunk : DataFrame
        Some rows.
    model : estimator or None
        One that is fitted takes the columns whose names it knows, if it knows any.
    drop : collection of str
        Names of columns to leave out.

    Returns
    -------
    features : DataFrame
        In float64.

    Raises
    ------
    ValueError
        If a column is missing, is not numeric, or has gaps.
    """
    columns_of(chunk, drop)
    names = getattr(model, "feature_names_in_", None)
    features = chunk.drop(columns=[*drop]) if names is None else columns_of(chunk, names)
    for name, column in features.items():
        if not pd.api.types.is_numeric_dtype(column):
            raise ValueError(
                f"Column {name!r} is not numeric: it holds {column.iloc[0]!r}. Leave it out with "
                f"--drop {name} in skae fit, or encode it before."
            )
        if column.isna().any():
            row = column.index[column.isna()][0]
            raise ValueError(
                f"Column {name!r} has no value in row {row}, counted from 0. Fill the gap before, "
                f"or leave the column out with --drop {name} in skae fit."
            )
    return features.astype(np.float64)


@contextmanager
def table_writer(path):
    """Write a table part by part.

    The file appears once all of it is there; if anything fails, what was there stays.

    Parameters
    ----------
    path : Path or None
        CSV or Parquet; None is CSV on the standard output.

    Yields
    ------
    write : callable
        Takes the next rows, a DataFrame.
    """
    if path is None:
        yield _CsvWriter(sys.stdout).write
        return
    ending = ending_of(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if ending == ".csv":
            with open(temporary, "w", newline="") as file:
                yield _CsvWriter(file).write
        else:
            with _ParquetWriter(temporary) as writer:
                yield writer.write
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class _CsvWriter:
    """Rows as CSV, the names of the columns once."""

    def __init__(self, file):
        self._file, self._first = file, True

    def write(self, rows):
        rows.to_csv(self._file, index=False, header=self._first)
        self._first = False


class _ParquetWriter:
    """Rows as Parquet, in the types of the first ones."""

    def __init__(self, path):
        self._path, self._writer = path, None

    def __enter__(self):
        return self

    def write(self, rows):
        pyarrow = require("pyarrow", "cli")
        table = pyarrow.Table.from_pandas(rows, preserve_index=False)
        if self._writer is None:
            parquet = require("pyarrow.parquet", "cli")
            self._writer = parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))

    def __exit__(self, *error):
        if self._writer is not None:
            self._writer.close()
