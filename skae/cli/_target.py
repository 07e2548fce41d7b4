"""The column of a table that holds labels."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import get_tags

from skae.estimators.base import UNLABELLED

# Kinds of cells that are classes, as pandas calls them.
_OF_CLASSES = ("string", "boolean", "integer", "floating", "mixed-integer-float")

# Numbers beside empty cells are read in float64, which holds whole numbers below 2**53 exactly.
_MOST_EXACT = 2**53 - 1


def check_target(
    target: str | None, name: str, model: Any, drop: Collection[str], passes: int | None
) -> None:
    """Refuse a target for an estimator that learns no labels, and the lack of one for others."""
    learns_labels = get_tags(model).target_tags.required
    if target is None:
        if learns_labels:
            raise ValueError(
                f"--estimator is {name}, which learns labels. Name their column: --target NAME. "
                f"Rows without a label have an empty cell there."
            )
        return
    if not learns_labels:
        raise ValueError(
            f"--target is {target}, but --estimator is {name}, which learns no labels. Fit a "
            f"classifier for classes (--estimator classifier) or a regressor for numbers "
            f"(--estimator regressor), or leave the column out with --drop."
        )
    if target in drop:
        raise ValueError(f"--target is {target}, which --drop leaves out. Take it out of --drop.")
    if passes is not None:
        raise ValueError(
            f"--passes is {passes}, but --estimator is {name}, which learns from the table as a "
            f"whole. Leave --passes out."
        )


def labels_of(table: pd.DataFrame, target: str, model: Any) -> np.ndarray:
    """Return the labels of the rows of a table, as a classifier or a regressor takes them."""
    if target not in table:
        there = ", ".join(map(str, table.columns))
        raise ValueError(f"--target is {target}, but the table has no such column: only {there}.")
    column = table[target].astype(object)
    if column.isna().all():
        raise ValueError(
            f"--target is {target}, a column without any value. Some rows must have a label."
        )
    return _classes(column) if is_classifier(model) else _numbers(column)


def _classes(column: pd.Series) -> np.ndarray:
    """Return classes, -1 in rows without one."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind not in _OF_CLASSES:
        raise ValueError(
            f"--target is {column.name}, a column of type {kind}. A classifier learns text, whole "
            f"numbers or truth values. Make the column one of these before."
        )
    cells = column.dropna()
    if kind in ("floating", "mixed-integer-float"):
        # Whole numbers are read so where cells are empty.
        fractions = cells[[cell % 1 != 0 for cell in cells]]
        if len(fractions):
            raise ValueError(
                f"Column {column.name!r} holds {fractions.iloc[0]} in row {fractions.index[0]}, "
                f"counted from 0, and a classifier learns text, whole numbers or truth values. For "
                f"numbers take --estimator regressor."
            )
        rounded = cells[[abs(cell) > _MOST_EXACT for cell in cells]]
        if len(rounded):
            raise ValueError(
                f"Column {column.name!r} holds {int(rounded.iloc[0])} in row {rounded.index[0]}, "
                f"counted from 0. Beside empty cells whole numbers beyond 2**53 are rounded, so "
                f"that classes could be mixed up. Write {UNLABELLED} in the empty cells, or make "
                f"the classes text."
            )
        cells = cells.map(int)
    known = cells[cells.astype(str) != str(UNLABELLED)]
    if known.nunique() < 2:
        found = f"the class {known.iloc[0]!r} alone" if len(known) else "no class at all"
        raise ValueError(
            f"--target is {column.name}, a column that holds {found}: a classifier needs labels of "
            f"two classes. Rows whose cell is empty or {UNLABELLED} have no label."
        )
    labels = np.full(len(column), UNLABELLED, dtype=object)
    labels[known.index] = known.tolist()
    return labels


def _numbers(column: pd.Series) -> np.ndarray:
    """Return numbers, NaN in rows without one."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = column.notna() & numbers.isna()
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(
            f"Column {column.name!r} holds {column[row]!r:.60} in row {row}, counted from 0, and a "
            f"regressor learns numbers. If that stands for a cell without a value, add --missing "
            f"{column[row]!r:.60}; for classes take --estimator classifier."
        )
    return numbers.to_numpy()
