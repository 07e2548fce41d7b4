"""PCA in the place of a compared estimator."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skae._compat import BaseSearchCV


def steps_before(estimator: Any) -> list[Any]:
    """Return what a Pipeline, also that of a search, does to rows before its last step."""
    if isinstance(estimator, BaseSearchCV):
        estimator = estimator.estimator
    steps = estimator.steps[:-1] if isinstance(estimator, Pipeline) else []
    return [step for _, step in steps if step not in (None, "passthrough")]


def pca_after(steps: list[Any], width: float) -> Any:
    """Return PCA of so many components, in a Pipeline behind such steps if there are some."""
    named = [(f"step{i}", clone(step)) for i, step in enumerate(steps)]
    pca = PCA(int(width))
    return Pipeline([*named, ("pca", pca)]) if steps else pca


def most_components(steps: list[Any], X: Any, y: Any, folds: list) -> int:
    """Return how many components PCA may have behind such steps: none of rows that it refuses."""
    for step in steps:
        X = clone(step).fit_transform(X, y if get_tags(step).target_tags.required else None)
    if getattr(X, "ndim", 2) != 2 or hasattr(X, "toarray"):
        return 0
    try:
        values = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return 0
    n_rows = min(len(train) for train, _ in folds)
    return min(values.shape[1], n_rows) if np.isfinite(values).all() else 0


def name_of_pca(steps: list[Any], width: float) -> str:
    """Return what a table calls PCA of so many components behind such steps."""
    names = " + ".join(type(step).__name__ for step in steps)
    return f"PCA({int(width)})" + (f" after {names}" if names else "")
