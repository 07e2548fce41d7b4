"""The comparison of a graph with the estimator that it was made of."""

from typing import Any

import numpy as np
import pandas as pd

from ._outputs import ModelOutput
from ._probes import Answer, Probe, answer_or_none, low_and_range, probes_of, take
from ._sample import Sample

# How far numbers may be from the estimator's: this share of their range, and, as networks compute
# in float32, this share of the largest.
_OF_RANGE, _OF_LARGEST = 1e-4, 4e-6

# Answers may also be those for a row next to the one asked, which rounding in a network may make of
# it: so far from it, in ranges of the columns; so many such rows are tried, and where the answer is
# made of rounding, it may be so many times as far off as theirs.
_NEXT, _N_NEXT, _TIMES = 1e-5, 16, 3

# Where a model jumps, at thresholds and ties, this share of the sample may be on the other side; a
# jump is a difference of this share of the range.
_AT_EDGES, _JUMP = 0.01, 1e-2


class ShapeDifferenceError(ValueError):
    """A graph that gives an output of another shape."""


def compare(run: Answer, output: ModelOutput, sample: Sample) -> None:
    """Refuse a graph that gives something else than the model, by more than rounding.

    It is run on rows of the sample, on rows between these, and on rows with NaN, zero, a value far
    outside and a new category in each column whose model takes that.
    """
    for probe in probes_of(sample, output.for_columns_of(sample)):
        found, expected = run(probe.columns), probe.expected
        if found.shape != expected.shape:
            raise ShapeDifferenceError(
                f"The graph gives an output of shape {found.shape} where {output.method} gives "
                f"{expected.shape}, so it is not output={output.name!r}."
            )
        distance, rounding = _distance(found, probe), _rounding(expected)
        differs = _any_by_row(distance > rounding)
        if not differs.any():
            continue
        nearby = np.zeros_like(distance)
        nearby[differs] = _movement(probe, found, differs, output, sample)
        at_edge = differs & ~_any_by_row(distance > rounding + nearby)
        if probe.of_sample and (output.jumps or not _are_numbers(expected)):
            jumped = at_edge & _any_by_row(distance > _JUMP / _OF_RANGE * rounding)
            if jumped.sum() > max(1, _AT_EDGES * len(found)):
                at_edge &= ~jumped
        differs &= ~at_edge
        if differs.any():
            distance[~differs] = -1
            place = tuple(map(int, np.unravel_index(np.argmax(distance), distance.shape)))
            row, *column = place
            amount = ""
            if _are_numbers(expected) and np.isfinite(distance[place]):
                rounding_there = f"where {rounding[place]:.3g} is rounding"
                amount = f", {distance[place]:.3g} apart {rounding_there}"
            raise ValueError(
                f"The graph gives something else than {output.method}: {output.name}"
                f"{column or ''} of {probe.places[row]} is {_plain(found[place])!r} in place of "
                f"{_plain(expected[place])!r}{amount} ({differs.sum()} of {len(found)} such rows "
                f"differ). {_advice(row, probe, sample)}"
            )


def _are_numbers(values: np.ndarray) -> bool:
    return values.dtype.kind == "f"


def _any_by_row(cells: np.ndarray) -> np.ndarray:
    return np.asarray(cells.reshape(len(cells), -1).any(axis=1))


def _distance(found: np.ndarray, probe: Probe) -> np.ndarray:
    """Return how far answers are apart, cell by cell; of labels, 1 where they differ."""
    if not _are_numbers(probe.expected):
        return np.asarray(found != probe.expected, dtype=np.float64)
    distance = _apart(found, probe.expected)
    if not probe.of_sample:
        # Beside the sample, infinity is where anything may overflow.
        distance[~np.isfinite(probe.expected)] = 0
    return distance


@np.errstate(all="ignore")
def _apart(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return how far numbers are apart: 0 for NaN and NaN, infinity for NaN and another one."""
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return np.where(same, 0.0, np.nan_to_num(np.abs(found - expected), nan=np.inf, posinf=np.inf))


@np.errstate(all="ignore")
def _rounding(expected: np.ndarray) -> np.ndarray:
    """Return how far answers may be apart, cell by cell, because networks compute in float32."""
    rounding = np.zeros(expected.shape)
    if _are_numbers(expected) and np.isfinite(expected).any():
        finite = np.where(np.isfinite(expected), expected, np.nan)
        size = np.nan_to_num(np.fmax.reduce(finite) - np.fmin.reduce(finite))
        rounding += _OF_RANGE * size + _OF_LARGEST * np.nanmax(np.abs(finite))
    return rounding


def _movement(
    probe: Probe, found: np.ndarray, suspects: np.ndarray, output: ModelOutput, sample: Sample
) -> Any:
    """Return how much further rounding inside the model may move its answers for suspects."""
    columns, rng = take(probe.columns, suspects), np.random.default_rng(0)
    steps = [_NEXT * low_and_range(v)[1] if _are_numbers(v) else 0.0 for v in probe.columns]
    around = []
    for _ in range(_N_NEXT):
        moved = [_moved(values, step, rng) for values, step in zip(columns, steps, strict=True)]
        around.append(answer_or_none(output.for_columns_of(sample), moved))
    if any(answers is None for answers in around):
        # Next to these rows are some that the model does not take.
        return 0.0
    answers, labels, expected = np.array(around), found[suspects], probe.expected[suspects]
    if _are_numbers(expected):
        return _TIMES * _apart(answers, expected).max(axis=0)
    return (answers == labels).any(axis=0) | output.is_tied(sample.rows(columns), labels)


def _moved(values: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Return cells next to those of a column of fractions, the next number of their type or on."""
    if not _are_numbers(values):
        return values
    steps = step + np.spacing(np.abs(values))
    return (values + steps * rng.uniform(-1, 1, len(values))).astype(values.dtype)


def _advice(row: int, probe: Probe, sample: Sample) -> str:
    """Return what to do about a row for which a graph gives something else."""
    if any(pd.isna(values[row]) for values in probe.columns):
        return (
            "The model takes NaN, and a step of it has no converter that does the same. Fill in "
            "what is missing in a step before, SimpleImputer for example, and fit again."
        )
    beside = "" if probe.of_sample else "X_sample has no such row, but the model takes it. "
    return beside + sample.advice()


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python; cells of objects are such already."""
    return value.item() if isinstance(value, np.generic) else value
