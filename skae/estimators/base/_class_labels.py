"""Classes of rows as users give them, some of which are missing, and as a decoder sees them."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skae._typing import ArrayOf
from skae.tables import check_mask, detached

# Marks a row without a class, as in sklearn.semi_supervised.
UNLABELLED = -1


# Classes are numbers, words or truth values.
ClassArray = (
    Annotated[np.ndarray, ArrayOf("int", None)]
    | Annotated[np.ndarray, ArrayOf("str", None)]
    | Annotated[np.ndarray, ArrayOf("bool", None)]
    | Annotated[np.ndarray, ArrayOf("float", None)]
)


def classes_of(y: Any) -> np.ndarray:
    """Return the sorted classes in `y`, of which there are two at least; -1 is none."""
    known, _ = known_classes(y, warn=True)
    if not len(known):
        raise ValueError(
            "y has no label: all rows are marked by -1, as rows without one are, or have a "
            "sample_weight of zero. Give labels of two classes at least."
        )
    check_classification_targets(known)
    classes = np.unique(known)
    if len(classes) < 2:
        raise ValueError(
            f"y has one class only, {classes[0].item()!r}, but labels of two classes at least are "
            f"needed. Rows marked by -1 have no label, and rows of sample_weight zero are left out."
        )
    return classes


def known_classes(y: Any, warn: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that are not -1, of one type, and a mask of the rows that have them."""
    labels = label_column(y, warn)
    is_known = np.array([label != UNLABELLED for label in labels.tolist()], dtype=bool)
    known = labels[is_known]
    if known.dtype == object:
        # Of one type, once the marks are gone.
        words = [isinstance(label, str) for label in known]
        if any(words) and not all(words):
            pair = known[words.index(True)], known[words.index(False)]
            raise ValueError(
                f"y holds both text and numbers, such as {pair[0]!r} and {pair[1]!r}. Classes are "
                f"all of one type: make them all text, or all numbers."
            )
        known = np.array(known.tolist())
    return known, is_known


def label_column(y: Any, warn: bool = False) -> np.ndarray:
    """Return classes as one column, none of which is missing or a text that looks so.

    `warn` says whether a table of one column is worth a warning, as in `fit`.
    """
    check_mask(y, "y", f"Rows without a label are marked by {UNLABELLED}: y.filled({UNLABELLED})")
    # scikit-learn makes floats of pandas' nullable whole numbers and truth values.
    labels = column_or_1d(np.asarray(detached(y)), warn=warn)
    missing = np.flatnonzero(pd.isna(labels))
    if len(missing):
        raise ValueError(
            f"Input y contains NaN, first in row {missing[0]}, counted from 0. Mark rows without a "
            f"label by -1: of a column of pandas, y.astype('category').cat.codes has -1 there, and "
            f"so has y.astype(object).fillna(-1)."
        )
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    marks = [label for label in labels.tolist() if label in ("-1", "-1.0")]
    if marks:
        raise ValueError(
            f"y holds the text {marks[0]!r}. The mark of rows without a class is the number -1: "
            f"give y the dtype object, and -1 in these rows."
        )
    return labels


def labels_of_rows(y: Any, n_rows: int) -> np.ndarray:
    """Return a label for each row; one class alone is that of all rows."""
    labels = label_column([y] * n_rows if np.ndim(y) == 0 else y)
    if len(labels) != n_rows:
        raise ValueError(
            f"y has {len(labels)} classes for {n_rows} rows, expected one for each row."
        )
    return labels


def class_indices(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the place of each label in `classes`, -1 for rows without a class.

    A label that is not among them raises a ValueError.
    """
    places = {one: i for i, one in enumerate(classes.tolist())} | {UNLABELLED: -1}
    unknown = [label for label in dict.fromkeys(labels.tolist()) if label not in places]
    if unknown:
        raise ValueError(
            f"y holds {unknown[0]!r}, which is none of classes_={classes.tolist()}, those of the "
            f"first fit. Rows without a class are marked by -1."
        )
    return np.array([places[label] for label in labels.tolist()])
