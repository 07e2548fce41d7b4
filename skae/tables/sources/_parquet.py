"""Parquet files, read row group by row group."""

import os
from collections import Counter
from collections.abc import Iterator
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

    Levels of an index that pandas has written beside the columns are left out. Files that change
    between the first part and the last are refused. Below a folder, parts of a path such as
    "year=2020" are a column of categories, as pandas reads them. pandas writes whole numbers as
    floats where one is missing, and a column without any value without a type: numbers of several
    types become those that hold all of them, and empty columns have the type of the other files.
    """

    def __init__(self, X: Any) -> None:
        # One dataset for each file, as files of one dataset must have the same dictionaries.
        self._datasets: list[Any]
        if is_dataset(X):
            self.name, self._datasets = "the dataset of Arrow", [X]
            _check_names(X.schema.names, self.name)
        else:
            given = [X] if isinstance(X, str | PathLike) else X
            if "" in given:
                raise ValueError(
                    "X is an empty path, expected that of a Parquet file or of a folder of them. "
                    "The current folder is '.'."
                )
            paths = [*map(Path, given)]
            others = "" if len(paths) == 1 else f" and {len(paths) - 1} more"
            self.name = f"{paths[0]}{others}"
            self._datasets = [
                _dataset_of(file, path if path.is_dir() else None)
                for path in paths
                for file in _files_of(path)
            ]
        files = [file for one in self._datasets for file in getattr(one, "files", ())]
        self._identities = {file: _identity(file) for file in files}
        self._types = self._common_types()

    def count_rows(self) -> int:
        """Return the number of rows."""
        return sum(one.count_rows() for one in self._datasets)

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order."""
        arrow = require("pyarrow", "parquet")
        self.check_unchanged()
        for dataset in self._datasets:
            for batch in _scanner(dataset).to_batches():
                if batch.num_rows:
                    yield self._in_common_types(arrow.Table.from_batches([batch]))
        self.check_unchanged()

    def _common_types(self) -> dict[str, Any]:
        """Return the types that hold the cells of all files, by the names of the columns.

        Files of other columns than the first, or of types that do not go together, are refused.
        """
        first, place = _types_of(self._datasets[0]), _place_of(self._datasets[0])
        common = dict(first)
        for dataset in self._datasets[1:]:
            found, here = _types_of(dataset), _place_of(dataset)
            for name in [*first, *found]:
                if name not in found or name not in first:
                    without, having = (here, place) if name in first else (place, here)
                    raise ValueError(
                        f"{without} has no column {name!r}, and {having} has. Give files of the "
                        f"same columns."
                    )
                kind = _common_type(common[name], found[name])
                if kind is None:
                    raise ValueError(
                        f"Column {name!r} is of {_in_words(found[name])} in {here}, and of "
                        f"{_in_words(first[name])} in {place}. Write both in one type."
                    )
                common[name] = kind
        return common

    def _in_common_types(self, table: Any) -> Any:
        """Return a part with the columns of the first file, in the types of all files."""
        arrow = require("pyarrow", "parquet")
        table = table.select([*self._types])
        for i, name in enumerate(table.column_names):
            kind = self._types[name]
            if _in_words(table.schema.field(i).type) != _in_words(kind):
                # Whole numbers that no float holds are rounded, as they are in memory.
                cells = table.column(i).cast(kind, safe=not arrow.types.is_floating(kind))
                table = table.set_column(i, name, cells)
        return table

    def check_unchanged(self) -> None:
        """Raise a ValueError if a file was changed or replaced since the source was made."""
        for path, before in self._identities.items():
            if _identity(path) != before:
                raise ValueError(
                    f"{path} was changed or replaced while it was read. Write new rows to a new "
                    f"file, and read it once it is complete."
                )


def _dataset_of(file: Path, folder: Path | None) -> Any:
    """Return a file as a dataset; parts of its path below a folder may be columns."""
    datasets = require("pyarrow.dataset", "parquet")
    try:
        names = require("pyarrow.parquet", "parquet").read_schema(file).names
    except ValueError as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    _check_names(names, str(file))
    if folder is None:
        return datasets.dataset(str(file), format="parquet")
    by_path = datasets.HivePartitioning.discover(infer_dictionary=True)
    where = {"partitioning": by_path, "partition_base_dir": str(folder)}
    return datasets.dataset(str(file), format="parquet", **where)


def _check_names(names: list[str], place: str) -> None:
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        raise ValueError(
            f"{place} has several columns of the same name: {', '.join(map(repr, twice[:5]))}. "
            f"Rename them, or leave all but one out."
        )


def _scanner(dataset: Any) -> Any:
    """Return what reads the rows of a dataset in small parts."""
    datasets = require("pyarrow.dataset", "parquet")
    columns = _columns_of(dataset.schema)
    size = min(_MOST_ROWS, max(_FEWEST_ROWS, _CELLS // max(len(columns), 1)))
    # Otherwise Arrow reads ahead of training without an end.
    how: dict[str, Any] = {"batch_size": size, "fragment_readahead": 1, "batch_readahead": 2}
    if isinstance(getattr(dataset, "format", None), datasets.ParquetFileFormat):
        options = datasets.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
        how["fragment_scan_options"] = options
    return dataset.scanner(columns=columns, **how)


def _types_of(dataset: Any) -> dict[str, Any]:
    """Return the types of the columns by their names."""
    schema = dataset.schema
    return {name: schema.field(name).type for name in _columns_of(schema)}


def _common_type(one: Any, other: Any) -> Any:
    """Return the type that holds the cells of both types, or None."""
    arrow = require("pyarrow", "parquet")
    if _in_words(one) == _in_words(other) or arrow.types.is_null(other):
        return one
    if arrow.types.is_null(one):
        return other
    both = one, other
    if not all(arrow.types.is_integer(kind) or arrow.types.is_floating(kind) for kind in both):
        return None
    # As of NumPy and pandas: no whole number holds those of uint64 and negative ones.
    needs_floats = any(map(arrow.types.is_floating, both)) or arrow.uint64() in both
    return arrow.float64() if needs_floats else arrow.int64()


def _place_of(dataset: Any) -> str:
    files = [*getattr(dataset, "files", ())]
    return str(files[0]) if files else "the dataset of Arrow"


def _in_words(kind: Any) -> str:
    types = require("pyarrow.types", "parquet")
    if types.is_dictionary(kind):
        # How many categories there are may differ.
        return f"categories of {_in_words(kind.value_type)}"
    # Libraries differ in how long they let text become.
    return str(kind).replace("large_", "").replace("_view", "")


def _columns_of(schema: Any) -> list[str]:
    """Return the names of the columns without an index of pandas."""
    about = schema.pandas_metadata or {}
    index = {name for name in about.get("index_columns", ()) if isinstance(name, str)}
    return [name for name in schema.names if name not in index]


def _files_of(path: Path) -> list[Path]:
    """Return the Parquet files that a path names, those of a folder in the order of their names.

    Names that begin with a point or an underscore are those of files that are no part of a table.
    """
    if path.is_dir():
        found = [
            one
            for one in sorted(path.rglob("*.parquet"))
            if one.is_file() and not any(name[0] in "._" for name in one.relative_to(path).parts)
        ]
        if not found:
            raise ValueError(f"{path} holds no file whose name ends in .parquet.")
        return found
    if path.suffix.lower() != ".parquet":
        raise TypeError(
            f"X is the name of a file, {str(path)!r}, expected an array, a table, or the name of a "
            f"Parquet file or a folder of them. Read other files first, as with pandas.read_csv(X)."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    return [path]


def _identity(path: str) -> _Identity | None:
    """Return what tells a file from one that takes its place; None on another file system."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
