"""Rows to compare a graph on: those of the sample, and others that the model takes."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ._sample import Columns, Sample

# Rows of the sample, rows between them, and rows with one cell changed, at most.
_SAMPLED, _BETWEEN, _CHANGED = 200, 64, 400

# Of these, rows in which the same column is changed.
_EACH = 16

# Columns that are tried one by one where not all of them take a change.
_TRIED = 32

# Far outside: so many times the range of the column.
_FAR = 10

_UNKNOWN = "a category that is in no table"

# A function from rows to what a graph or a model gives for them; it raises where it takes no such.
Answer = Callable[[Columns], np.ndarray]


@dataclass
class Probe:
    """Rows, what the model answers for them, and what each of them is, in words."""

    columns: Columns
    expected: np.ndarray
    places: list[str]
    of_sample: bool = False


def probes_of(sample: Sample, answer: Answer) -> Iterator[Probe]:
    """Yield rows to compare a graph on; beside those of the sample only such as the model takes."""
    chosen = _spread(len(sample.columns[0]), _SAMPLED)
    columns, places = take(sample.columns, chosen), [f"row {i} of X_sample" for i in chosen]
    yield Probe(columns, answer(columns), places, of_sample=True)
    rng = np.random.default_rng(0)
    between = [_between(values, _BETWEEN, rng) for values in columns]
    expected = answer_or_none(answer, between)
    if expected is not None:
        words = ["a row between those of X_sample"] * _BETWEEN
        yield Probe(between, expected, words)
        pairs = zip(columns, between, strict=True)
        columns, places = [np.concatenate(pair) for pair in pairs], places + words
    for change in _CHANGES:
        values = _values_of(change, columns, sample)
        probe = _changed(columns, places, values, sample, answer) if values else None
        if probe is not None:
            yield probe


def _changed(
    columns: Columns, places: list[str], values: dict[int, Any], sample: Sample, answer: Answer
) -> Probe | None:
    """Return rows in each of which one column has another value, where the model takes that."""
    changed = np.array(list(values))[_spread(len(values), _CHANGED)]
    each = int(np.clip(_CHANGED // len(changed), 1, min(_EACH, len(places))))
    column = np.repeat(changed, each)
    origin = np.arange(len(column)) % len(places)
    rows = _with_values(take(columns, origin), column, values)
    expected, kept = answer_or_none(answer, rows), np.arange(len(column))
    if expected is None:
        parts = [np.flatnonzero(column == one) for one in changed[_spread(len(changed), _TRIED)]]
        tried = [(part, answer_or_none(answer, take(rows, part))) for part in parts]
        taken = [(part, found) for part, found in tried if found is not None]
        if not taken:
            return None
        kept, expected = map(np.concatenate, zip(*taken, strict=True))
    words = []
    for i in kept:
        value = values[column[i]]
        word = "NaN" if value != value else repr(value)
        words.append(f"{places[origin[i]]} with {word} in column {sample.names[column[i]]!r}")
    return Probe(take(rows, kept), expected, words)


def column_that_may_be_missing(sample: Sample, answer: Answer) -> Any:
    """Return the name of the first column in which the model takes NaN, or None."""
    row = take(sample.columns, np.array([0]))
    values = _values_of(_missing, sample.columns, sample)
    for i in values:
        if answer_or_none(answer, _with_values(row, np.array([i]), values)) is not None:
            return sample.names[i]
    return None


def answer_or_none(answer: Answer, columns: Columns) -> np.ndarray | None:
    """Return what a model gives for rows; None if it does not take them."""
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            return answer(columns)
    except Exception:
        return None


def take(columns: Columns, chosen: np.ndarray) -> Columns:
    """Return some rows, by their places."""
    return [values[chosen] for values in columns]


def low_and_range(values: np.ndarray) -> tuple[float, float]:
    """Return the least number of a column and its range; of a constant one its size, or one."""
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return 0.0, 1.0
    low, high = values.min(), values.max()
    return low, (high - low) or abs(high) or 1.0


def _spread(n: int, most: int) -> np.ndarray:
    """Return the places of at most so many of n things, from the first to the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _between(values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n cells of a column, or, of fractions, numbers that lie between two cells."""
    one, other = values[rng.integers(len(values), size=(2, n))]
    if values.dtype.kind != "f":
        return one
    return (one + rng.uniform(size=n) * (other - one)).astype(values.dtype)


def _with_values(columns: Columns, column: np.ndarray, values: dict[int, Any]) -> Columns:
    """Return rows with another value in one column of each."""
    columns = [cells.copy() for cells in columns]
    for i, value in values.items():
        columns[i][column == i] = value
    return columns


# -- changes: what a column gets, or None ----------------------------------------------------------


def _values_of(
    change: Callable[[np.ndarray], Any], columns: Columns, sample: Sample
) -> dict[int, Any]:
    """Return the value that a change puts in each column that it can be made in, by its place."""
    free = [i for i in range(len(columns)) if not sample.is_categorical(i)]
    found = {i: change(columns[i]) for i in free}
    return {i: value for i, value in found.items() if value is not None}


def _missing(values: np.ndarray) -> float | None:
    return np.nan if values.dtype.kind == "f" else None


def _zero(values: np.ndarray) -> int | None:
    return 0 if values.dtype.kind in "fiu" else None


def _far(values: np.ndarray, times: int) -> float | None:
    if values.dtype.kind not in "fiu":
        return None
    low, size = low_and_range(values)
    value = np.float64(low + times * size)
    limits = np.finfo if values.dtype.kind == "f" else np.iinfo
    if not limits(values.dtype).min < value < limits(values.dtype).max:
        return None
    return values.dtype.type(value).item()


def _word(values: np.ndarray, word: str) -> str | None:
    words = values.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    return word if words else None


_CHANGES = (
    _missing,
    _zero,
    partial(_far, times=-_FAR),
    partial(_far, times=1 + _FAR),
    partial(_word, word=_UNKNOWN),
    # A gap in tables of skae, and a category like others elsewhere.
    partial(_word, word=""),
)
