"""Several estimators fitted side by side."""

from contextlib import ExitStack

from skae._compat import safe_indexing
from skae.engine import torch_defaults, train_together


@torch_defaults()
def fit_together(estimators, X, rows=None, sample_weight=None):
    """Fit estimators, each on rows of its own, in the time of fewer.

    Each ends as its own `fit` would leave it, up to the rounding of its matrix products. Dense
    networks of one architecture on equally many rows are trained as one stack; others take
    turns. Each holds its rows until all are fitted.

    Parameters
    ----------
    estimators : list of BaseAutoencoder
        What is fitted, in place. If one of them fails, all stay as they were.
    X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
        The rows.
    rows : list of ndarray of int, or None, default=None
        Which rows each of them is fitted on; None is all rows.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each row counts.

    Raises
    ------
    ValueError
        As :meth:`BaseAutoencoder.fit`.
    """
    fittings = []
    with ExitStack() as stack:
        for i, estimator in enumerate(estimators):
            estimator._validate_params()
            stack.enter_context(estimator._as_before_on_error())
            mine, weight = X, sample_weight
            if rows is not None:
                mine = safe_indexing(X, rows[i])
                weight = None if weight is None else safe_indexing(weight, rows[i])
            fittings.append(estimator._fitting(mine, weight, len(estimators)))
        train_together(fittings)
