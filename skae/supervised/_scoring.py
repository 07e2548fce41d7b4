"""Scores of rows that have a label."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.metrics import get_scorer

from skae._compat import safe_indexing
from skae.tables import detached

from ._labels import has_class, has_number


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
    return partial(_score, get_scorer(scoring))


def _score(
    scorer: Callable[..., float], estimator: Any, X: Any, y: Any, sample_weight: Any = None
) -> float:
    kind = has_number if is_regressor(estimator) else has_class
    X, y, sample_weight = labelled_rows(kind, X, y, sample_weight)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return scorer(estimator, X, y, **weights)


def labelled_rows(
    has_label: Callable[[Any], np.ndarray], X: Any, y: Any, sample_weight: Any = None
) -> tuple[Any, np.ndarray, Any]:
    """Return the rows that have a label, with their labels and weights."""
    y = np.asarray(detached(y))
    labelled = np.flatnonzero(has_label(y))
    if len(labelled) == 0:
        raise ValueError(
            "y has no label, so nothing can be scored. In cross-validation give each fold some: "
            "StratifiedKFold does."
        )
    if len(labelled) == len(y):
        return X, y, sample_weight
    if sample_weight is not None:
        sample_weight = safe_indexing(sample_weight, labelled)
    y = y[labelled]
    if y.dtype == object:
        # Of one type, once the marks are gone.
        y = np.array(y.tolist())
    return safe_indexing(detached(X), labelled), y, sample_weight
