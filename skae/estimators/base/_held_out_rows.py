"""Held-out rows that groups, a splitter or the caller choose."""

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, Self

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from skae._chunks import is_large
from skae.tables import detached, held_out_by_hash, is_memory_mapped

from ._fit_decisions import check_enough, enough_to_judge, split_rows
from ._fit_rows import FitRows

Split = tuple[np.ndarray, np.ndarray] | tuple[None, None]


class Splitter(Protocol):
    """A cross-validation splitter of scikit-learn."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable: ...

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int: ...


@dataclass
class GivenRows:
    """All rows that a caller gave to `fit`: which of them count, and their groups or None."""

    counted: np.ndarray
    groups: np.ndarray | None

    @classmethod
    def of(cls, rows: FitRows, sample_weight: Any, groups: Any) -> Self:
        """Return them for validated arguments of `fit`, and refuse groups of another length."""
        n_rows = len(rows) if sample_weight is None else len(sample_weight)
        weight = 1 if sample_weight is None else np.asarray(detached(sample_weight))
        counted = np.broadcast_to(weight, n_rows) > 0
        if groups is not None:
            groups = np.asarray(groups)
            if groups.shape != (n_rows,):
                raise ValueError(
                    f"groups has the shape {groups.shape}, but X has {n_rows} rows. Give one value "
                    f"for each row."
                )
        return cls(counted, groups)


def chooses_rows(validation_fraction: Any) -> bool:
    """Return whether the parameter is a splitter or a list, and not a share of the rows."""
    return not isinstance(validation_fraction, Real)


def hold_out_rows(
    rows: FitRows,
    given: GivenRows | None,
    early_stopping: bool | str,
    validation_fraction: Any,
    rng: np.random.RandomState,
) -> Split:
    """Return the indices of the rows to train on and of those to judge training by.

    Both are None if no rows are held out. `given` are the rows before those of weight zero were
    left out; None where the caller of `fit` did not give them.
    """
    chosen = chooses_rows(validation_fraction)
    if chosen and given is None:
        raise ValueError(
            f"validation_fraction={validation_fraction!r} chooses among the rows that fit of an "
            f"autoencoder is given. Another estimator fits it here, on rows of its own choice: set "
            f"validation_fraction to a number, or give a fitted autoencoder where that is possible."
        )
    if given is None or not (chosen or given.groups is not None):
        if is_memory_mapped(rows.X) and is_large(rows.X.shape) and early_stopping is not False:
            # Enough of them are held out, and an index of all rows would take much memory.
            train, valid = held_out_by_hash(len(rows), validation_fraction, rng.randint(2**31))
            check_enough(validation_fraction, len(rows), len(train), len(valid))
            return train, valid
        return split_rows(len(rows), early_stopping, validation_fraction, rng)
    if early_stopping is False:
        return None, None
    if not chosen:
        return _split_groups(given, early_stopping, validation_fraction, rng)
    train, valid = _checked(_first_split(validation_fraction, given, rows.classes), given)
    check_enough(validation_fraction, len(rows), len(train), len(valid))
    return train, valid


def _split_groups(
    given: GivenRows, early_stopping: bool | str, fraction: float, rng: np.random.RandomState
) -> Split:
    """Return a split that holds out a share of the groups, drawn at random."""
    assert given.groups is not None
    groups = given.groups[given.counted]
    n_groups = len(np.unique(groups))
    n_held_out = int(np.ceil(fraction * n_groups))
    if n_held_out < n_groups:
        splitter = GroupShuffleSplit(1, test_size=n_held_out, random_state=rng)
        train, valid = next(splitter.split(groups, groups=groups))
        if early_stopping == "auto" and not enough_to_judge(len(train), len(valid)):
            return None, None
        check_enough(fraction, len(groups), len(train), len(valid))
        return train, valid
    if early_stopping == "auto":
        return None, None
    raise ValueError(
        f"groups has {n_groups} different values, and validation_fraction={fraction} holds "
        f"{n_held_out} of them out, so that none is left to train on. Give more groups, change "
        f"validation_fraction, or set early_stopping=False."
    )


def _first_split(chooser: Any, given: GivenRows, classes: np.ndarray | None) -> Any:
    """Return the first split of a splitter, or the only one of a list."""
    if isinstance(chooser, list):
        try:
            ((train, valid),) = chooser
        except (TypeError, ValueError):
            raise ValueError(
                f"validation_fraction must be a list of one pair, [(train, validation)], of "
                f"indices of rows, got {chooser!r:.100}."
            ) from None
        return train, valid
    rows, groups = np.flatnonzero(given.counted), given.groups
    of_rows = None if groups is None else groups[given.counted]
    try:
        train, valid = next(iter(chooser.split(rows, classes, of_rows)))
    except ValueError as error:
        raise ValueError(
            f"validation_fraction={chooser!r} cannot split {len(rows)} rows: {error} What it needs "
            f"of groups goes to fit(X, groups=groups)."
        ) from error
    return rows[train], rows[valid]


def _checked(pair: Any, given: GivenRows) -> tuple[np.ndarray, np.ndarray]:
    """Return a split of all rows as one of the rows that count."""
    n_rows = len(given.counted)
    try:
        train, valid = (np.unique(np.arange(n_rows)[np.asarray(part)]) for part in pair)
    except IndexError as error:
        raise ValueError(
            f"validation_fraction holds no indices of the {n_rows} rows of X: {error}."
        ) from None
    both = np.intersect1d(train, valid)
    if len(both):
        raise ValueError(
            f"validation_fraction holds out {len(both)} rows that are also among those to train "
            f"on, the first of them row {both[0]}. Take them out of one of the two."
        )
    place = np.cumsum(given.counted) - 1
    train, valid = (place[part[given.counted[part]]] for part in (train, valid))
    return train, valid
