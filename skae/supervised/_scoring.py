"""Scores of rows that have a label."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.metrics import get_scorer
from sklearn.utils import check_consistent_length

from skae._compat import safe_indexing
from skae.estimators.base import known_classes
from skae.tables import detached

from ._labels import known_numbers


def score_labelled(scoring: str | Callable[..., float]) -> Callable[..., float]:
    """Return a scorer that leaves out rows without a label.

    scikit-learn's own scorers count -1, which marks such rows, as one more class, and refuse NaN,
    which marks them for regressors.

    Parameters
    ----------
    scoring : str or callable
        A name that scikit-learn knows, such as "roc_auc", or a scorer.

    Returns
    -------
    scorer : callable
        A scorer for `cross_validate` and searches, ``scorer(estimator, X, y)``. It raises a
        ValueError if no row has a label.

    See Also
    --------
    skae.AutoencoderClassifier : Its own `score` leaves such rows out, too.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.semi_supervised import SelfTrainingClassifier
    >>> from skae.supervised import score_labelled
    >>> X, y = load_iris(return_X_y=True)
    >>> some = np.where(np.arange(len(y)) % 5 == 0, y, -1)
    >>> classifier = SelfTrainingClassifier(LogisticRegression())
    >>> scores = cross_val_score(classifier, X, some, scoring=score_labelled("accuracy"))
    >>> bool(scores.mean() > 0.9)
    True
    """
    if scoring is None:
        raise TypeError(
            "scoring is None, expected a name or a scorer. The estimator's own score needs none."
        )
    return partial(_score, get_scorer(scoring))


def _score(
    scorer: Callable[..., float], estimator: Any, X: Any, y: Any, sample_weight: Any = None
) -> float:
    rows_of = rows_with_numbers if is_regressor(estimator) else rows_with_classes
    X, y, sample_weight = rows_of(X, y, sample_weight)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return scorer(estimator, X, y, **weights)


def rows_with_classes(X: Any, y: Any, sample_weight: Any = None) -> tuple[Any, np.ndarray, Any]:
    """Return the rows that have a class, their classes and their weights."""
    _check_lengths(X, y, sample_weight)
    classes, known = known_classes(y)
    return _selected(X, known), classes, _selected(sample_weight, known)


def rows_with_numbers(X: Any, y: Any, sample_weight: Any = None) -> tuple[Any, np.ndarray, Any]:
    """Return the rows that have numbers, these and the weights."""
    _check_lengths(X, y, sample_weight)
    numbers, known = known_numbers(y)
    return _selected(X, known), numbers[known], _selected(sample_weight, known)


def _check_lengths(X: Any, y: Any, sample_weight: Any) -> None:
    if y is None:
        raise ValueError("y is None. Give the labels that predictions are compared with.")
    check_consistent_length(X, y, sample_weight)


def _selected(rows: Any, known: np.ndarray) -> Any:
    """Return the rows of a mask, of which there must be some."""
    if not known.any():
        raise ValueError(
            "y has no label, so nothing can be scored. In cross-validation give each fold some: "
            "StratifiedKFold does."
        )
    if rows is None or known.all():
        return rows
    return safe_indexing(detached(rows), np.flatnonzero(known))
