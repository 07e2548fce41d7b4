"""The rows of a source as numbers: all of them in a temporary file, or some in memory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skae._progress import open_bar

from .._caller_frame import CallerFrame, FrameLearner
from .._caller_type import CallerType
from .._mapped_files import RowFile
from .._table_errors import counting_from
from ._row_hashes import row_hashes
from ._source import Source

# Returns the rows of a part as validated numbers, and the type of its table.
ReadPart = Callable[[Any], tuple[Any, CallerType]]


def numbered_parts(
    source: Source, estimator: BaseEstimator, what: str
) -> Iterator[tuple[slice, Any]]:
    """Yield the parts of a source with the numbers of their rows; all must have the same columns.

    An estimator with `verbose` shows a bar, which says `what` is done with the rows.
    """
    start, columns = 0, None
    shown = bool(getattr(estimator, "verbose", 0))
    # Of a collection a count would compute all partitions.
    total = source.count_rows() if shown and hasattr(source, "count_rows") else None
    with open_bar(what, " rows", total, shown) as bar:
        for part in source.parts():
            rows = slice(start, start + len(part))
            found = _columns_of(part)
            columns = found if columns is None else columns
            if found != columns:
                raise ValueError(
                    f"The columns of {source.name} change: rows before {start} have {columns}, "
                    f"and from there on {found}. Give parts of the same columns."
                )
            yield rows, part
            bar.update(len(part))
            start = rows.stop
    if start == 0:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required: {source.name} has no "
            f"rows."
        )


def read_rows(
    source: Source, estimator: BaseEstimator, read: ReadPart
) -> tuple[np.ndarray, CallerType]:
    """Return the rows as an array that is mapped from a temporary file, and the type of tables."""
    caller, has_gaps = CallerType(), False
    with RowFile() as file:
        for rows, part in numbered_parts(source, estimator, "read rows"):
            with naming_rows(source, rows):
                X, caller = read(part)
                if file.dtype is not None and not np.can_cast(X.dtype, file.dtype):
                    raise ValueError(
                        f"Numbers are of {file.dtype} first and of {X.dtype} here. Write all of "
                        f"them in one type."
                    )
                file.append(X)
                has_gaps |= caller.has_gaps
        return file.mapped(), replace(caller, has_gaps=has_gaps)


def sample_rows(
    source: Source,
    estimator: BaseEstimator,
    read: ReadPart,
    n_most: int,
    seed: int,
    sample_weight: Any,
) -> tuple[np.ndarray, np.ndarray, CallerType]:
    """Return `n_most` rows at random, or all if there are fewer, their numbers, and the type.

    They are those of the smallest hashes, whatever the parts. Rows of weight zero are left out.
    """
    kept: list[np.ndarray] = []
    weight = weight_by_row(sample_weight)
    hashes, numbers = np.zeros(0), np.zeros(0, dtype=np.int64)
    limit, caller, rows = 1.0, CallerType(), slice(0, 0)
    for rows, part in numbered_parts(source, estimator, "draw rows"):
        of_part = row_hashes(rows, seed)
        if weight is not None and rows.stop <= len(weight):
            of_part[weight[rows] <= 0] = np.inf
        chosen = np.flatnonzero(of_part < limit)
        with naming_rows(source, rows):
            X, caller = read(part)
            kept.append(X[chosen])
        hashes = np.concatenate([hashes, of_part[chosen]])
        numbers = np.concatenate([numbers, rows.start + chosen])
        if len(hashes) > 2 * n_most:
            kept, hashes, numbers = _smallest(kept, hashes, numbers, n_most)
            limit = hashes.max()
    if weight is not None and len(weight) != rows.stop:
        raise ValueError(
            f"sample_weight has {len(weight)} values, but {source.name} has {rows.stop} rows. Give "
            f"one for each row."
        )
    kept, hashes, numbers = _smallest(kept, hashes, numbers, n_most)
    return kept[0], numbers, caller


def _smallest(
    kept: list[np.ndarray], hashes: np.ndarray, numbers: np.ndarray, n_most: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the rows of the smallest hashes, in their order."""
    chosen = np.sort(np.argsort(hashes, kind="stable")[:n_most])
    return [np.concatenate(kept)[chosen]], hashes[chosen], numbers[chosen]


def learn_columns(estimator: BaseEstimator, source: Source, sample_weight: Any) -> CallerFrame:
    """Return the columns of a source; rows of weight zero are not looked at."""
    weight = weight_by_row(sample_weight)
    learner = FrameLearner(estimator)
    for rows, part in numbered_parts(source, estimator, "find columns"):
        of_part = None if weight is None else weight[rows]
        if of_part is not None and len(of_part) != len(part):
            # Weights of another number of rows are refused later.
            of_part = None
        with naming_rows(source, rows):
            learner.add(part, of_part)
    return learner.frame()


def weight_by_row(sample_weight: Any) -> np.ndarray | None:
    """Return weights with a number for each row, None for others: these are the same for all."""
    weight = np.asarray([] if sample_weight is None else sample_weight)
    return weight if weight.ndim == 1 and weight.dtype.kind in "biuf" and weight.any() else None


def _columns_of(part: Any) -> list[Any]:
    """Return the names of columns, or of an array the shape of its rows."""
    # Arrow's tables have another name for them.
    names = getattr(part, "column_names", getattr(part, "columns", None))
    return list(part.shape[1:]) if names is None else list(names)


def naming_rows(source: Source, rows: slice) -> AbstractContextManager[None]:
    """Return a context whose errors about a part number its rows as in the whole source."""
    return counting_from(rows.start, f"In {source.name}: ")
