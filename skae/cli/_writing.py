"""What commands write: the names of their outputs, and tables part by part."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from skae._extras import require
from skae.persistence._atomic import replaced

TABLES = (".csv", ".parquet")


def check_out(path, *endings, because=""):
    """Refuse an output that could not be written, before the work that leads to it.

    Parameters
    ----------
    path : Path or None
        What --out is; None is the standard output.
    *endings : str
        How its name may end.
    because : str, default=""
        What to say of other endings.

    Raises
    ------
    ValueError
        If it ends otherwise, or there is no such folder.
    """
    if path is None:
        return
    if path.suffix not in endings:
        raise ValueError(
            f"--out is {path}, expected a name that ends in {' or '.join(endings)}.{because}"
        )
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise ValueError(f"--out is {path}, but there is no folder {folder}. Make it before.")


@contextmanager
def table_writer(path):
    """Write a table part by part.

    The file appears once all of it is there; if anything fails, what was there stays.

    Parameters
    ----------
    path : Path or None
        CSV or Parquet, as `check_out` lets through; None is CSV on the standard output.

    Yields
    ------
    write : callable
        Takes the next rows, a DataFrame.
    """
    if path is None:
        yield _CsvWriter(sys.stdout).write
        return
    with replaced(path) as temporary:
        if path.suffix == ".csv":
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                yield _CsvWriter(file).write
        else:
            with _ParquetWriter(temporary) as writer:
                yield writer.write


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
