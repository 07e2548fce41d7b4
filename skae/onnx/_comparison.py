"""What a graph gives, compared with what the estimator gives."""

import numpy as np
import pandas as pd

from ._probes import answer_or_none, moved_rows, probes_of, ranges_of

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


def compare(run, answer, tied, sample, method, output, advice, jumps=True):
    """Refuse a graph that gives something else than the estimator.

    It is compared on rows of the sample, on rows between these, and on rows with NaN, zero, a
    value far outside and a new category in each column whose model takes that.

    Parameters
    ----------
    run : callable
        Returns what the graph gives for rows.
    answer : callable
        Returns what the estimator gives for rows.
    tied : callable
        Returns for rows and labels whether the estimator finds no label more probable.
    sample : ndarray or DataFrame
        Sample rows.
    method, output : str
        Names of the method of the estimator and of the output, for errors.
    advice : str
        What to do, for errors.
    jumps : bool, default=True
        Whether numbers may jump, as those of trees do. Those of a network do not, but may be made
        of nothing but rounding; labels always jump.

    Raises
    ------
    ValueError
        Where they differ by more than rounding. It says where, and by how much.
    """
    for probe in probes_of(sample, answer):
        found = run(probe.rows)
        if found.shape != probe.expected.shape:
            raise ShapeDifferenceError(
                f"The graph gives an output of shape {found.shape} where {method} gives "
                f"{probe.expected.shape}, so it is not output={output!r}."
            )
        differs = _differs(found, probe)
        at_edge = _is_at_edge(found, probe, differs, answer, tied)
        jumped = at_edge & _has_jumped(found, probe.expected, jumps)
        if probe.of_sample and jumped.sum() > max(1, _AT_EDGES * len(found)):
            at_edge &= ~jumped
        differs &= ~at_edge
        if differs.any():
            raise ValueError(_what_differs(found, probe, differs, method, output, advice))


def _are_numbers(values):
    return values.dtype.kind == "f"


def _differs(found, probe):
    """Return for each row whether its answers differ by more than rounding."""
    expected = probe.expected
    if not _are_numbers(expected):
        return _by_row(found != expected)
    with np.errstate(all="ignore"):
        far = ~(np.abs(found - expected) <= _tolerance(expected))
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    # Beside the sample, infinity is where anything may overflow.
    ignored = same if probe.of_sample else same | ~np.isfinite(expected)
    return _by_row(far & ~ignored)


def _tolerance(expected):
    """Return how far the numbers of each column may be from the estimator's."""
    finite = np.where(np.isfinite(expected), expected, np.nan)
    if not np.isfinite(finite).any():
        return np.zeros(expected.shape[1:])
    with np.errstate(all="ignore"):
        size = np.nan_to_num(np.fmax.reduce(finite) - np.fmin.reduce(finite))
    return _OF_RANGE * size + _OF_LARGEST * np.nanmax(np.abs(finite))


def _is_at_edge(found, probe, differs, answer, tied):
    """Return for each row that differs whether rounding may make the estimator differ as much."""
    at_edge = np.zeros(len(found), dtype=bool)
    suspects = np.flatnonzero(differs)
    if not len(suspects):
        return at_edge
    rows = probe.rows.iloc[suspects] if hasattr(probe.rows, "iloc") else probe.rows[suspects]
    rng, ranges = np.random.default_rng(0), ranges_of(probe.rows)
    steps = [_NEXT * size for size in ranges]
    around = [answer_or_none(answer, moved_rows(rows, steps, rng)) for _ in range(_N_NEXT)]
    if any(moved is None for moved in around):
        # Next to these rows are some that the model does not take.
        return at_edge
    found, expected, around = found[suspects], probe.expected[suspects], np.stack(around)
    if _are_numbers(expected):
        with np.errstate(all="ignore"):
            moved = np.abs(around - expected).max(axis=0)
            far = ~(np.abs(found - expected) <= _tolerance(probe.expected) + _TIMES * moved)
    else:
        far = (around != found).all(axis=0) & ~tied(rows, found)
    at_edge[suspects] = ~_by_row(far)
    return at_edge


def _has_jumped(found, expected, jumps):
    """Return for each row whether its answers are on another side of a threshold."""
    if not _are_numbers(expected):
        return _by_row(found != expected)
    with np.errstate(all="ignore"):
        return jumps & _by_row(np.abs(found - expected) > _JUMP / _OF_RANGE * _tolerance(expected))


def _by_row(values):
    return values.reshape(len(values), -1).any(axis=1)


def _what_differs(found, probe, differs, method, output, advice):
    """Return an error message: where the two differ, by how much, and what to do."""
    expected = probe.expected
    place = _worst(found, expected, differs)
    row, *column = place
    name = f"{output}{column}" if column else output
    value, right = found[place], expected[place]
    amount = ""
    if _are_numbers(expected) and np.isfinite([value, right]).all():
        allowed = np.broadcast_to(_tolerance(expected), expected.shape)[place]
        amount = f", {abs(value - right):.3g} apart where {allowed:.3g} is rounding"
    if pd.isna(np.asarray(probe.rows)[row]).any():
        advice = (
            "The model takes NaN, and a step of it has no converter that does the same. Fill in "
            "what is missing in a step before, SimpleImputer for example, and fit again."
        )
    elif not probe.of_sample:
        advice = f"X_sample has no such row, but the model takes it. {advice}"
    return (
        f"The graph gives something else than {method}: {name} of {probe.places[row]} is "
        f"{_plain(value)!r} in place of {_plain(right)!r}{amount} ({differs.sum()} of {len(found)} "
        f"such rows differ). {advice}"
    )


def _plain(value):
    """Return a number of numpy as one of Python; cells of objects are such already."""
    return value.item() if isinstance(value, np.generic) else value


def _worst(found, expected, differs):
    """Return the row and the columns of the largest difference."""
    with np.errstate(all="ignore"):
        apart = np.abs(found - expected) if _are_numbers(expected) else 1.0 * (found != expected)
    apart = np.nan_to_num(apart, nan=np.inf, posinf=np.inf)
    apart[~differs] = -1
    return tuple(map(int, np.unravel_index(np.argmax(apart), apart.shape)))
