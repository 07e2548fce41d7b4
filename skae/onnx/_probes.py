"""Rows to compare a graph on: those of the sample, and others that the model takes."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Rows of the sample, rows between them, and rows with one cell changed, at most.
_SAMPLED, _BETWEEN, _CHANGED = 200, 64, 400

# Of these, rows in which the same column is changed.
_EACH = 16

# Columns that are tried one by one where not all of them take a change.
_TRIED = 32

# Far outside: so many times the range of the column.
_FAR = 10

_UNKNOWN = "a category that is in no table"


@dataclass
class Probe:
    """Rows, and what the model answers for them.

    Parameters
    ----------
    rows : ndarray or DataFrame
        The rows.
    expected : ndarray
        The answers.
    places : list of str
        For each row, what it is, in words.
    of_sample : bool
        Whether they are rows of the sample as they are.
    """

    rows: object
    expected: np.ndarray
    places: list
    of_sample: bool = False


def probes_of(sample, answer):
    """Yield rows to compare a graph on.

    Parameters
    ----------
    sample : ndarray or DataFrame
        Rows that the model takes.
    answer : callable
        Returns what the model gives for rows. What makes it raise is left out, but for rows of
        the sample.

    Yields
    ------
    probe : Probe
    """
    chosen = _spread(len(sample), _SAMPLED)
    rows, places = _take(sample, chosen), [f"row {i} of X_sample" for i in chosen]
    yield Probe(rows, answer(rows), places, of_sample=True)
    between = between_rows(rows, _BETWEEN)
    expected = answer_or_none(answer, between)
    if expected is not None:
        words = ["a row between those of X_sample"] * len(between)
        yield Probe(between, expected, words)
        rows, places = _join([rows, between]), places + words
    for change in (_missing, _zero, _far_below, _far_above, _unknown):
        values = _values_of(rows, change)
        if values:
            yield from _changed(rows, places, values, answer)


def _changed(rows, places, values, answer):
    """Yield rows in each of which one column has another value, where the model takes that."""
    columns = np.array(list(values))[_spread(len(values), _CHANGED)]
    each = int(np.clip(_CHANGED // len(columns), 1, min(_EACH, len(rows))))
    column = np.repeat(columns, each)
    origin = np.arange(len(column)) % len(rows)
    changed = _with_values(_take(rows, origin), column, values)
    expected = answer_or_none(answer, changed)
    kept = np.arange(len(column))
    if expected is None:
        tried = columns[_spread(len(columns), _TRIED)]
        parts = [np.flatnonzero(column == one) for one in tried]
        answers = [answer_or_none(answer, _take(changed, part)) for part in parts]
        taken = [i for i, found in enumerate(answers) if found is not None]
        if not taken:
            return
        kept = np.concatenate([parts[i] for i in taken])
        expected = np.concatenate([answers[i] for i in taken])
    words = [f"{places[origin[i]]} with {_word(rows, column[i], values)}" for i in kept]
    yield Probe(_take(changed, kept), expected, words)


def _word(rows, column, values):
    name = rows.columns[column] if isinstance(rows, pd.DataFrame) else int(column)
    value = values[column]
    return f"{'NaN' if value != value else repr(value)} in column {name!r}"


def column_that_may_be_missing(rows, answer):
    """Return the first column in which the model takes NaN, or None.

    Parameters
    ----------
    rows : ndarray or DataFrame
        Rows that the model takes.
    answer : callable
        Returns what the model gives for rows.

    Returns
    -------
    column : str or int or None
        Its name in a DataFrame, its place in an array.
    """
    values, row = _values_of(rows, _missing), _take(rows, [0])
    for i in values:
        if answer_or_none(answer, _with_values(row, np.array([i]), values)) is not None:
            return rows.columns[i] if isinstance(rows, pd.DataFrame) else i
    return None


def answer_or_none(answer, rows):
    """Return what the model gives for rows; None if it does not take them."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return answer(rows)
    except Exception:
        return None


# -- tables, whether arrays or DataFrames ----------------------------------------------------------


def _spread(n, most):
    """Return the places of at most so many of n things, from the first to the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _take(rows, chosen):
    return rows.iloc[chosen] if isinstance(rows, pd.DataFrame) else rows[chosen]


def _join(tables):
    if isinstance(tables[0], pd.DataFrame):
        return pd.concat(tables)
    return np.concatenate(tables)


def _columns_of(rows):
    """Return the columns of a table as arrays; of images and windows, those of flat rows."""
    if isinstance(rows, pd.DataFrame):
        return [rows.iloc[:, i].to_numpy() for i in range(rows.shape[1])]
    return list(rows.reshape(len(rows), -1).T)


def _replaced(rows, columns):
    """Return rows with other columns, which have the same types."""
    if not isinstance(rows, pd.DataFrame):
        return np.stack(columns, axis=1).reshape(-1, *rows.shape[1:])
    series = [
        pd.Series(values, dtype=dtype) for values, dtype in zip(columns, rows.dtypes, strict=True)
    ]
    table = pd.concat(series, axis=1)
    table.columns = rows.columns
    return table


def between_rows(rows, n):
    """Return rows whose cells are those of other rows, or, of fractions, lie between two."""
    rng = np.random.default_rng(0)

    def mixed(values):
        one, other = values[rng.integers(len(values), size=(2, n))]
        if values.dtype.kind != "f":
            return one
        return (one + rng.uniform(size=n) * (other - one)).astype(values.dtype)

    return _replaced(rows, [mixed(values) for values in _columns_of(rows)])


def moved_rows(rows, steps, rng):
    """Return rows next to others: all that may be a fraction is a little more or less.

    Parameters
    ----------
    rows : ndarray or DataFrame
        The rows.
    steps : list of float
        For each column, how far a cell may be moved; at least to the next number of its type.
    rng : Generator
        Source of the moves.
    """

    def moved(values, step):
        step = step + np.spacing(np.abs(values))
        return (values + step * rng.uniform(-1, 1, len(values))).astype(values.dtype)

    return _replaced(
        rows,
        [
            moved(values, far) if values.dtype.kind == "f" else values
            for values, far in zip(_columns_of(rows), steps, strict=True)
        ],
    )


def ranges_of(rows):
    """Return the range of each column of numbers; where it is zero, the size of its values."""
    return [
        _low_and_range(values)[1] if values.dtype.kind in "fiu" else 0.0
        for values in _columns_of(rows)
    ]


def _low_and_range(values):
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return 0.0, 1.0
    low, high = values.min(), values.max()
    return low, (high - low) or abs(high) or 1.0


def _values_of(rows, change):
    """Return what a change puts in those columns that it can be made in, by their places."""
    found = {i: change(values) for i, values in enumerate(_columns_of(rows))}
    if isinstance(rows, pd.DataFrame):
        # These columns hold nothing but their own categories.
        fixed = [isinstance(dtype, pd.CategoricalDtype) for dtype in rows.dtypes]
        found = {i: value for i, value in found.items() if not fixed[i]}
    return {i: value for i, value in found.items() if value is not None}


def _with_values(rows, column, values):
    """Return rows with a value in one column of each."""
    columns = [cells.copy() for cells in _columns_of(rows)]
    for i, value in values.items():
        columns[i][column == i] = value
    return _replaced(rows, columns)


# -- changes: what a column gets, or None ----------------------------------------------------------


def _missing(values):
    return np.nan if values.dtype.kind == "f" else None


def _zero(values):
    return 0 if values.dtype.kind in "fiu" else None


def _far_below(values):
    return _far(values, -_FAR)


def _far_above(values):
    return _far(values, 1 + _FAR)


def _far(values, times):
    if values.dtype.kind not in "fiu":
        return None
    low, size = _low_and_range(values)
    value = np.float64(low + times * size)
    limits = np.finfo if values.dtype.kind == "f" else np.iinfo
    if not limits(values.dtype).min < value < limits(values.dtype).max:
        return None
    return values.dtype.type(value).item()


def _unknown(values):
    words = values.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    return _UNKNOWN if words else None
