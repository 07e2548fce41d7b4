"""Tables that are read part by part, as often as needed."""

from collections.abc import Iterator
from os import PathLike
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .._mapped_files import is_memory_mapped
from ._collection import CollectionSource, is_collection
from ._parquet import ParquetSource, is_dataset
from ._sliced import SlicedSource


@runtime_checkable
class Source(Protocol):
    """A table that may be larger than memory."""

    # How errors speak of it.
    name: str

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order, as tables or arrays in memory, none of them empty."""


def source_of(X: Any) -> Source | None:
    """Return what a table is read from, or None if it lies in memory.

    Sources are the path of a Parquet file or of a folder of them, a list of such paths, a dataset
    of Arrow, a collection of Dask, an array that is mapped from a file, and any other object with a
    length whose slices are arrays of NumPy or tables.
    """
    if isinstance(X, np.ndarray):
        return SlicedSource(X) if is_memory_mapped(X) else None
    if isinstance(X, str | PathLike) or is_dataset(X):
        return ParquetSource(X)
    if isinstance(X, list | tuple):
        of_paths = bool(X) and all(isinstance(one, str | PathLike) for one in X)
        return ParquetSource(X) if of_paths else None
    if isinstance(X, Source):
        return X
    if is_collection(X):
        return CollectionSource(X)
    return SlicedSource(X) if _has_slices(X) else None


def check_in_memory(X: Any, what: str) -> None:
    """Raise a TypeError if a table is read part by part, where `what` takes it as a whole."""
    if is_memory_mapped(X):
        return
    source = source_of(X)
    if source is not None:
        raise TypeError(
            f"{what} takes rows in memory, and those of {source.name} are read part by part. Read "
            f"as many as fit into memory, for example with pandas.read_parquet, and give these."
        )


def _has_slices(X: Any) -> bool:
    """Return whether an object is read in slices: these are arrays or tables, and it is neither."""
    kind = type(X)
    if any(hasattr(kind, name) for name in ("columns", "toarray", "__array_namespace__")):
        return False
    if not (hasattr(kind, "__len__") and hasattr(kind, "__getitem__")):
        return False
    try:
        first = X[:1]
    except Exception:  # What an object of an unknown type raises is unknown, too.
        return False
    is_table = hasattr(type(first), "columns") and type(first) is not kind
    return isinstance(first, np.ndarray) or is_table
