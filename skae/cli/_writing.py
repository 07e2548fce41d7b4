"""Outputs of commands: whether they can be written, and tables part by part."""

import io
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from skae._atomic import replaced
from skae._extras import require

from ._formats import (
    LONE_HYPHEN,
    TABLES_IN_WORDS,
    is_parquet,
    is_table,
    opened,
    separator_of,
)


def check_table_out(path):
    """Refuse a table that could not be written, before the work that leads to it.

    Parameters
    ----------
    path : Path or None
        The value of --out; None and `LONE_HYPHEN` are the standard output.

    Raises
    ------
    ValueError
        If its name is that of no table, or it cannot be written.
    """
    if path in (None, LONE_HYPHEN):
        return
    if not is_table(path):
        raise ValueError(f"--out is {path}, expected a name that ends in {TABLES_IN_WORDS}.")
    _check_writable(path)


def check_out(path, ending, because=""):
    """Refuse an output that could not be written, before the work that leads to it.

    Parameters
    ----------
    path : Path
        The value of --out.
    ending : str
        The end of its name.
    because : str, default=""
        What to say of other endings.

    Raises
    ------
    ValueError
        If it ends otherwise, or cannot be written.
    """
    if path.suffix != ending:
        raise ValueError(f"--out is {path}, expected a name that ends in {ending}.{because}")
    _check_writable(path)


def _check_writable(path):
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise ValueError(f"--out is {path}, but there is no folder {folder}. Make it before.")
    if path.is_dir():
        raise ValueError(f"--out is {path}, but that is a folder. Name a file.")
    try:
        # Only writing shows whether one may write there. What is there already stays.
        with suppress(_Writable), replaced(path) as temporary:
            temporary.touch()
            raise _Writable
    except OSError as error:
        raise ValueError(
            f"--out is {path}, but no such file can be made in {folder}: {error.strerror}. Choose "
            f"another name or folder, or ask for the right to write there."
        ) from error


class _Writable(Exception):
    """Leaves `replaced` without replacing anything."""


@contextmanager
def table_writer(path):
    """Write a table part by part.

    The file appears once all of it is there; if anything fails, what was there stays.

    Parameters
    ----------
    path : Path or None
        CSV or Parquet, as `check_table_out` lets through; None and `LONE_HYPHEN` are CSV on the
        standard output.

    Yields
    ------
    write : callable
        Takes the next rows, a DataFrame.
    """
    if path in (None, LONE_HYPHEN):
        yield _CsvWriter(sys.stdout, ",").write
        return
    with replaced(path) as temporary:
        if is_parquet(path):
            with _ParquetWriter(temporary) as writer:
                yield writer.write
        else:
            with (
                opened(temporary, "wb", path.name) as binary,
                io.TextIOWrapper(binary, encoding="utf-8", newline="") as file,
            ):
                yield _CsvWriter(file, separator_of(path)).write


class _CsvWriter:
    """Rows as CSV, the names of the columns once."""

    def __init__(self, file, sep):
        self._file, self._sep, self._first = file, sep, True

    def write(self, rows):
        rows.to_csv(self._file, sep=self._sep, index=False, header=self._first)
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
