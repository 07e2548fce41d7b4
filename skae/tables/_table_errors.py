"""Errors about data that are no table of numbers; they name columns, cells and a cure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from os.path import isdir
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch.utils.data import DataLoader, Dataset

from skae._compat import safe_indexing

from ._column_types import columns_that_are_not_numeric
from ._mapped_files import is_memory_mapped

# How errors name a row.
_ROW = re.compile(r"([Rr]ow |X\[)(\d+)")

# A table has at least one of these; an iterator of chunks has none.
_OF_TABLES = ("shape", "__getitem__", "__array__")

# Columns that an error names.
_NAMED = 5

_CURE = (
    "Make them numbers before: encode text and categories, for example with OneHotEncoder in a "
    "ColumnTransformer or with skrub's TableVectorizer; convert numbers that are stored as text or "
    "categories with astype(float); turn times into numbers such as days. Or leave the columns out."
)

_CURE_OF_ROWS = (
    "Of a DataFrame, X.iloc[[i]] is one row and X[['name']] one column; of an array, "
    "X.reshape(1, -1) is one row."
)


def check_table(X: Any) -> None:
    """Raise an error if X is no table, or if a column holds something else than numbers."""
    check_kind(X)
    check_mask(X, "X")
    if isinstance(X, list | tuple):
        try:
            rows = np.asarray(X)
            # One word makes all cells words.
            X = np.asarray(X, dtype=object) if rows.dtype.kind in "US" else rows
        except ValueError as error:
            raise ValueError(_of_unequal_rows(X, error)) from None
    check_names(X)
    if isinstance(X, np.ndarray) and X.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: X is of {X.dtype}. Give real and imaginary parts side "
            f"by side: numpy.hstack([X.real, X.imag])."
        )
    columns = columns_that_are_not_numeric(X)
    if not columns:
        return
    named = [f"{column.label} ({column.type})" for column in columns]
    if len(named) > _NAMED:
        named[_NAMED:] = [f"and {len(named) - _NAMED} more"]
    first = columns[0]
    kind = TypeError if isinstance(first.reason, TypeError) else ValueError
    raise kind(
        f"X has columns that are not numeric: {', '.join(named)}. Row {first.row} of column "
        f"{first.label}, counted from 0, holds {first.value}: {first.reason}. {_CURE}"
    )


def _of_unequal_rows(X: list | tuple, error: ValueError) -> str:
    """Say which rows of a list differ in length."""
    said = "X is a list whose rows differ in length"
    lengths = [len(row) if hasattr(row, "__len__") else 1 for row in X]
    other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if other is None:
        return f"{said}: {error}"
    return (
        f"{said}: the first has {lengths[0]} values, and row {other}, counted from 0, has "
        f"{lengths[other]}. Make them alike: cut or resize images, and join recordings with "
        f"numpy.concatenate, for skae.windows.Windows with the recording of each sample in groups."
    )


def check_names(X: Any) -> None:
    """Refuse names of columns that occur twice: which one is meant would be left to chance."""
    if not hasattr(type(X), "columns"):
        return
    # Arrow's tables have another name for them.
    names = pd.Index(getattr(X, "column_names", X.columns))
    if names.is_unique:
        return
    twice = names[names.duplicated()].unique()
    raise ValueError(
        f"X has several columns of the same name: {', '.join(map(repr, twice[:_NAMED]))}. "
        f"Rename them, or leave all but one out."
    )


def check_mask(values: Any, name: str, cure: str | None = None) -> None:
    """Raise a ValueError if a mask hides values, which computations would take all the same.

    `cure` says what to do, in place of advice for rows and weights.
    """
    parts = values if isinstance(values, list | tuple) else [values]
    masked = [part for part in parts if isinstance(part, np.ma.MaskedArray)]
    n_hidden = sum(np.ma.count_masked(part) for part in masked)
    if not n_hidden:
        return
    if cure is None and name == "sample_weight":
        cure = "Give the rows a weight, or 0 to leave them out: sample_weight.filled(0)"
    elif cure is None:
        cure = (
            f"Make them gaps, {name}.astype(float).filled(numpy.nan), and fill these where gaps "
            f"are not taken, for example with SimpleImputer, or leave such rows out: "
            f"numpy.ma.compress_rows({name})"
        )
    raise ValueError(
        f"{name} is a masked array, of which {n_hidden} of {sum(part.size for part in masked)} "
        f"values are hidden. What is beneath the mask must not be used. {cure}."
    )


def check_dimensions(X: Any) -> None:
    """Raise a ValueError if X has not two dimensions, as a single row or an image."""
    check_no_series(X)
    n_dimensions = 2 if hasattr(type(X), "columns") else np.ndim(X)
    if n_dimensions != 2:
        what = f"has {n_dimensions} dimension{'s' * (n_dimensions > 1)}"
        cure = f" {_CURE_OF_ROWS}" if n_dimensions < 2 else ""
        raise ValueError(f"X {what}, expected a table of rows and columns.{cure}")


def check_no_series(X: Any) -> None:
    """Raise a ValueError if X is a Series: a single row, or a single column."""
    if type(X).__name__ == "Series":
        raise ValueError(f"X is a Series, expected a table of rows and columns. {_CURE_OF_ROWS}")


def check_kind(X: Any) -> None:
    """Raise a TypeError if X is no table."""
    if X is None:
        what, cure = "None", "Give the rows"
    elif isinstance(X, str | bytes | PathLike):
        is_parquet = str(X).endswith(".parquet") or isdir(X)
        reader = "read_parquet" if is_parquet else "read_csv"
        what, cure = "the name of a file", f"Read the file first, as with pandas.{reader}(X)"
    elif isinstance(X, Mapping) and not sparse.issparse(X):
        # Values of a single row are no lists.
        made = "pandas.DataFrame(X)"
        if all(isinstance(value, str) or not hasattr(value, "__len__") for value in X.values()):
            made = "pandas.DataFrame([X])"
        what, cure = f"a {type(X).__name__}", f"Make it a table: {made}"
    elif getattr(getattr(X, "dtype", None), "names", None):
        what, cure = "a structured array", "Make it a table: pandas.DataFrame(X)"
    elif hasattr(type(X), "collect"):
        what, cure = f"a lazy table ({type(X).__name__})", "Give X.collect()"
    elif hasattr(type(X), "__dask_graph__") and hasattr(type(X), "columns"):
        # NumPy would read it as an array, without names and types.
        what, cure = "a DataFrame of Dask", "Give X.compute()"
    elif isinstance(X, Dataset | DataLoader):
        what = f"a {type(X).__name__} of torch"
        cure = "Give all rows as one tensor, or batches: partial_fit(x for x, *_ in loader)"
    elif isinstance(X, list | tuple) and X and isinstance(X[0], Mapping):
        what, cure = f"a list of {type(X[0]).__name__}s", "Make it a table: pandas.DataFrame(X)"
    elif isinstance(X, Iterable) and not any(hasattr(X, name) for name in _OF_TABLES):
        what = f"an iterator ({type(X).__name__}) or something like it"
        cure = "Only partial_fit takes chunks of rows, from an iterator: partial_fit(iter(chunks))"
    else:
        return
    raise TypeError(
        f"X is {what}, expected an array, a DataFrame, a sparse matrix or a tensor. {cure}."
    )


@contextmanager
def naming_cells(
    X: Any, of_gaps: str = "Fill gaps, for example with SimpleImputer"
) -> Iterator[None]:
    """Add to scikit-learn's error about NaN or infinity which cell holds it, and what to do."""
    try:
        # Sums of huge cells of both signs, by which it looks for these, are no numbers.
        with np.errstate(invalid="ignore"):
            yield
    except ValueError as error:
        message = str(error).partition("\n")[0]
        if "contains NaN" in message:
            cell, cure = _first_cell(X, pd.isna), of_gaps
        elif "contains infinity" in message:
            cell, cure = _first_cell(X, _is_infinite), "Replace such values"
        else:
            raise
        first = "" if cell is None else f"The first is {cell}, counted from 0. "
        raise ValueError(f"{message} {first}{cure}, or leave such rows out.") from None


@contextmanager
def counting_from(start: int, where: str = "") -> Iterator[None]:
    """Let errors about a part of the rows number these as in the whole table, from `start` on.

    The message begins with `where` the rows are.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if start == 0:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        told = _ROW.sub(lambda found: f"{found[1]}{int(found[2]) + start}", str(error))
        raise kind(f"{where}{told}") from error


def _first_cell(X: Any, is_bad: Callable[[Any], Any]) -> str | None:
    """Return where the first bad value is, in words, or None where that takes too long."""
    if is_memory_mapped(X):
        # That takes too long.
        return None
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu().numpy()
    if sparse.issparse(X):
        X = X.tocoo()
        first = np.flatnonzero(is_bad(X.data))[:1]
        return f"X[{X.row[first[0]]}, {X.col[first[0]]}]" if len(first) else None
    if hasattr(type(X), "columns"):
        for i, name in enumerate(getattr(X, "column_names", X.columns)):
            rows = np.flatnonzero(is_bad(np.asarray(safe_indexing(X, i, axis=1))))
            if len(rows):
                return f"in row {rows[0]} of column {name!r}"
        return None
    if isinstance(X, np.ndarray | list | tuple):
        cells = np.argwhere(is_bad(np.asarray(X)))
        return f"X[{', '.join(map(str, cells[0]))}]" if len(cells) else None
    return None


def _is_infinite(values: Any) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.isinf(np.asarray(values, dtype=np.float64))
