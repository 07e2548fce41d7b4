"""Rows in the container that `set_output` asks for."""

import numpy as np

from skae._compat import container_adapter


def as_set_output(estimator, rows, X=None):
    """Return rows as a DataFrame if `set_output` or the configuration asks for one.

    scikit-learn does this with what `transform` returns. These are rows like those in `fit`, and
    their columns have the names that those had.

    Parameters
    ----------
    estimator : BaseEstimator
        A fitted transformer.
    rows : ndarray or tensor of shape (n_samples, n_features), or of more dimensions
        The rows. Images, windows and tensors are returned as they are.
    X : object, default=None
        What they were made of, whose index they get.
    """
    adapter = container_adapter("transform", estimator)
    if adapter is None or not isinstance(rows, np.ndarray) or rows.ndim > 2:
        return rows
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(rows.shape[1])])
    return adapter.create_container(rows, X, columns=np.asarray(names, dtype=object))
