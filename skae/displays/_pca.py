"""PCA beside an autoencoder: the same number of components, the same steps before."""

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline

from skae.inspection import as_array, autoencoder_of, sample
from skae.tables import columns_that_are_not_numeric

# Rows that tell the components well enough.
_MOST_ROWS = 100_000


def pca_beside(estimator: Any, X_train: Any, n_components: int | None = None) -> Any:
    """Return a PCA fitted on training rows, after the steps of a Pipeline that are before.

    It has as many components as the codes of the estimator, unless `n_components` are given.
    """
    if hasattr(type(X_train), "columns") and columns_that_are_not_numeric(X_train):
        column = columns_that_are_not_numeric(X_train)[0]
        raise ValueError(
            f"PCA takes numbers only, and column {column.label} of X_train holds none. Leave "
            f"X_train out: the autoencoder is then drawn alone."
        )
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = estimator[:-1] if isinstance(estimator, Pipeline) else make_pipeline("passthrough")
    rows = _flat(steps.transform(sample(X_train, _MOST_ROWS, 0)[0]))
    wanted = autoencoder_of(estimator).n_components_ if n_components is None else n_components
    pca = PCA(min(wanted, *rows.shape), random_state=0).fit(rows)
    return PcaBeside(steps, pca)


class PcaBeside:
    """A fitted PCA that answers in the unit and the shape of the rows that it is given."""

    def __init__(self, steps: Any, pca: PCA) -> None:
        self._steps, self._pca = steps, pca

    @property
    def n_components(self) -> int:
        """The number of components."""
        return len(self._pca.components_)

    def reconstruct(self, X: Any) -> np.ndarray:
        """Return rows through all components and back."""
        rows = _flat(self._steps.transform(X))
        back = self._steps.inverse_transform(self._pca.inverse_transform(self._pca.transform(rows)))
        return as_array(back).reshape(as_array(X).shape)

    def errors_by_width(self, X: Any) -> np.ndarray:
        """Return the mean squared error of rows with the first component, the first two, ..."""
        rows = _flat(self._steps.transform(X))
        codes = self._pca.transform(rows)
        centred = rows - self._pca.mean_
        rest = np.square(centred).mean() - np.square(codes).mean(axis=0).cumsum() / rows.shape[1]
        return np.maximum(rest, 0.0)


def _flat(X: Any) -> np.ndarray:
    X = as_array(X)
    return X.reshape(len(X), -1).astype(np.float64)
