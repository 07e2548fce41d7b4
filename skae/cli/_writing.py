"""Outputs of commands: the check that they can be written, and tables chunk by chunk."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pandas as pd

from skae._atomic import replaced
from skae._extras import require

from ._table_files import (
    ENDINGS_IN_WORDS,
    LONE_HYPHEN,
    is_parquet,
    is_table,
    opened,
    separator_of,
)


def check_table_out(path: Path | None) -> None:
    """Refuse a table that could not be written, before the work that leads to it."""
    if path in (None, LONE_HYPHEN):
        return
    if not is_table(path):
        raise ValueError(f"--out is {path}, expected a name that ends in {ENDINGS_IN_WORDS}.")
    _check_writable(path)


def check_out(path: Path, ending: str, because: str = "") -> None:
    """Refuse an output of another ending, or one that could not be written."""
    if path.suffix != ending:
        raise ValueError(f"--out is {path}, expected a name that ends in {ending}.{because}")
    _check_writable(path)


def _check_writable(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise ValueError(f"--out is {path}, but there is no folder {folder}. Make it before.")
    if path.is_dir():
        raise ValueError(f"--out is {path}, but that is a folder. Name a file.")
    try:
        # Only writing shows whether one may write there. An existing file stays as it is.
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
def table_writer(path: Path | None) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that writes the next rows of a table; None and - are the standard output.

    The file appears once all rows are written; if anything fails, an older file stays.
    """
    with ExitStack() as stack:
        if path in (None, LONE_HYPHEN):
            yield _csv_writer(sys.stdout, ",")
            return
        temporary = stack.enter_context(replaced(path))
        if is_parquet(path):
            yield _parquet_writer(stack, temporary)
        else:
            binary = stack.enter_context(opened(temporary, "wb", path.name))
            text = stack.enter_context(TextIOWrapper(binary, encoding="utf-8", newline=""))
            yield _csv_writer(text, separator_of(path))


def _csv_writer(file: Any, sep: str) -> Callable[[pd.DataFrame], None]:
    header = True

    def write(rows: pd.DataFrame) -> None:
        nonlocal header
        rows.to_csv(file, sep=sep, index=False, header=header)
        header = False

    return write


def _parquet_writer(stack: ExitStack, path: Path) -> Callable[[pd.DataFrame], None]:
    """Return a function that writes rows in the types of the first ones."""
    pyarrow, parquet = require("pyarrow", "cli"), require("pyarrow.parquet", "cli")
    writer = None

    def write(rows: pd.DataFrame) -> None:
        nonlocal writer
        table = pyarrow.Table.from_pandas(rows, preserve_index=False)
        # pandas fails to read its own notes on Arrow's categories.
        table = table.replace_schema_metadata()
        if writer is None:
            writer = stack.enter_context(parquet.ParquetWriter(path, table.schema))
        writer.write_table(table.cast(writer.schema))

    return write
