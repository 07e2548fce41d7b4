"""Errors of reconstructions, in a unit in which knowing nothing of a row is one."""

from typing import Any

import narwhals as nw
import numpy as np


def unexplained_share(train: Any, rows: Any, reconstructed: Any) -> float:
    """Return the error of reconstructed rows over that of the means of the training rows.

    For numbers the error is the sum of squares over all columns and rows, which PCA minimises.
    Columns of a table of several types have a share each, of which this is the mean: squares for
    numbers and dates, wrong cells for categories, beside those of the most frequent category.
    Cells that are missing in `rows` do not count.
    """
    frame = _frame_of(rows)
    if frame is None or all(dtype.is_numeric() for dtype in frame.schema.values()):
        error, of_means = _squares(*(_matrix_of(X) for X in (train, rows, reconstructed)))
        return error / of_means if of_means else np.nan
    tables = [_frame_of(X) for X in (train, rows, reconstructed)]
    shares = [_share(*(table[name] for table in tables)) for name in frame.columns]
    # A column whose held-out cells are all as expected, or missing, has no share.
    return float(np.mean([share for share in shares if np.isfinite(share)]))


def _frame_of(X: Any) -> Any:
    """Return a DataFrame as narwhals reads it, None for arrays."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _matrix_of(X: Any) -> np.ndarray:
    """Return the numbers of an array of any shape, or of a DataFrame, row by row."""
    frame = _frame_of(X)
    if frame is not None:
        return np.column_stack([_numbers(column) for column in frame.iter_columns()])
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    return X.reshape(len(X), -1).astype(np.float64)


def _numbers(column: nw.Series) -> np.ndarray:
    """Return numbers, or the nanoseconds of dates, with NaN for what is missing."""
    if column.dtype.is_temporal():
        missing = column.is_null().to_numpy()
        nanoseconds = column.cast(nw.Datetime("ns")).to_numpy().astype("datetime64[ns]")
        return np.where(missing, np.nan, nanoseconds.astype(np.int64))
    return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)


def _squares(train: np.ndarray, rows: np.ndarray, reconstructed: np.ndarray) -> tuple[float, float]:
    """Return the squared errors of reconstructions and of the training means."""
    known = ~np.isnan(rows)
    error = (reconstructed - rows)[known]
    of_means = (np.nanmean(train, axis=0) - rows)[known]
    return float(error @ error), float(of_means @ of_means)


def _share(train: nw.Series, rows: nw.Series, reconstructed: nw.Series) -> float:
    if rows.dtype.is_numeric() or rows.dtype.is_temporal():
        error, expected = _squares(*(_numbers(column) for column in (train, rows, reconstructed)))
    else:
        error, expected = _wrong_cells(train, rows, reconstructed)
    return error / expected if expected else np.nan


def _wrong_cells(
    train: nw.Series, rows: nw.Series, reconstructed: nw.Series
) -> tuple[float, float]:
    """Return how many categories are wrong, and how many the most frequent one gets wrong."""
    known = ~rows.is_null().to_numpy()
    values = np.asarray(rows.to_list(), dtype=object)[known]
    found = np.asarray(reconstructed.to_list(), dtype=object)[known]
    seen = train.drop_nulls().to_list()
    most_frequent = max(set(seen), key=seen.count)
    return float(np.sum(found != values)), float(np.sum(values != most_frequent))
