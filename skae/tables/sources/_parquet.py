"""Parquet files, read row group by row group."""

import os
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from skae._extras import require

# Cells of a part, and its most and fewest rows: wide rows, too, should take little memory.
_CELLS, _MOST_ROWS, _FEWEST_ROWS = 2**21, 2**15, 2**8

_Identity = tuple[int, int, int]


def is_dataset(X: Any) -> bool:
    """Return whether this is a dataset of Arrow, without importing Arrow."""
    return any(
        one.__name__ == "Dataset" and one.__module__.startswith("pyarrow") for one in type(X).mro()
    )


class ParquetSource:
    """Reads files of the same columns, one after the other, as tables of Arrow.

    An index that pandas has written beside the columns is left out. Files that change between the
    first part and the last are refused.
    """

    def __init__(self, X: Any) -> None:
        datasets = require("pyarrow.dataset", "parquet")
        if is_dataset(X):
            self.name, self._dataset = "the dataset of Arrow", X
        else:
            paths = [Path(one) for one in ([X] if isinstance(X, str | PathLike) else X)]
            self.name = (
                str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
            )
            files = _files_of(paths)
            self._dataset = datasets.dataset(files, format="parquet", partitioning="hive")
        self._columns = _columns_of(self._dataset.schema)
        self._identities = {path: _identity(path) for path in getattr(self._dataset, "files", ())}
        self._check_columns()

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order."""
        datasets = require("pyarrow.dataset", "parquet")
        self._check_unchanged()
        # Otherwise Arrow reads ahead of training without an end.
        options = datasets.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
        size = min(_MOST_ROWS, max(_FEWEST_ROWS, _CELLS // max(len(self._columns), 1)))
        how = {"batch_size": size, "fragment_readahead": 1, "batch_readahead": 2}
        scanner = self._dataset.scanner(columns=self._columns, fragment_scan_options=options, **how)
        arrow = require("pyarrow", "parquet")
        for batch in scanner.to_batches():
            if batch.num_rows:
                yield arrow.Table.from_batches([batch])
        self._check_unchanged()

    def _check_columns(self) -> None:
        """Refuse files of other columns than the first: Arrow would fill these with nothing."""
        if not hasattr(self._dataset, "files"):
            return
        first: Any = None
        for fragment in self._dataset.get_fragments():
            schema = fragment.physical_schema
            found = {name: _type_in_words(schema.field(name)) for name in _columns_of(schema)}
            if first is None:
                first, of_first = found, fragment.path
            for name in [*first, *found]:
                if name not in found or name not in first:
                    here, there = fragment.path, of_first
                    if name in found:
                        here, there = there, here
                    raise ValueError(
                        f"{here} has no column {name!r}, and {there} has. Give files of the same "
                        f"columns."
                    )
                if found[name] != first[name]:
                    raise ValueError(
                        f"Column {name!r} is of {found[name]} in {fragment.path}, and of "
                        f"{first[name]} in {of_first}. Write both in one type."
                    )

    def _check_unchanged(self) -> None:
        for path, before in self._identities.items():
            if _identity(path) != before:
                raise ValueError(
                    f"{path} was changed or replaced while it was read. Write new rows to a new "
                    f"file, and read it once it is complete."
                )


def _type_in_words(field: Any) -> str:
    # Libraries differ in how long they let text become.
    return str(field.type).replace("large_", "").replace("_view", "")


def _columns_of(schema: Any) -> list[str]:
    """Return the names of the columns without an index of pandas."""
    about = schema.pandas_metadata or {}
    index = {name for name in about.get("index_columns", ()) if isinstance(name, str)}
    return [name for name in schema.names if name not in index]


def _files_of(paths: Sequence[Path]) -> list[str]:
    """Return the Parquet files that paths name, those of a folder in the order of their names."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(one for one in path.rglob("*.parquet") if one.is_file())
            if not found:
                raise ValueError(f"{path} holds no file whose name ends in .parquet.")
            files += found
        elif path.suffix != ".parquet":
            raise TypeError(
                f"X is the name of a file, {str(path)!r}, expected an array, a table, or the name "
                f"of a Parquet file or a folder of them. Read other files first, as with "
                f"pandas.read_csv(X)."
            )
        elif not path.exists():
            raise FileNotFoundError(f"There is no file {path}.")
        else:
            files.append(path)
    return [str(one) for one in files]


def _identity(path: str) -> _Identity | None:
    """Return what tells a file from one that takes its place; None on another file system."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
