"""PCA in the place of a compared estimator."""

import sys
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import get_tags

from skae._compat import BaseSearchCV, safe_indexing


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


def key_of(steps: list[Any]) -> str:
    """Return a text that is equal for equal steps."""
    # A repr of estimators is cut, and so is one of long arrays.
    with np.printoptions(threshold=sys.maxsize):
        return str([(type(step), step.get_params()) for step in steps])


def most_components(steps: list[Any], X: Any, y: Any, folds: list) -> int:
    """Return how many components PCA may have behind such steps, 0 if it refuses their rows."""
    train = min((train for train, _ in folds), key=len)
    X = safe_indexing(X, train)
    if steps:
        before = make_pipeline(*map(clone, steps))
        X = before.fit_transform(X, y[train] if get_tags(before).target_tags.required else None)
    if getattr(X, "ndim", 2) != 2 or hasattr(X, "toarray"):
        return 0
    try:
        values = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return 0
    return min(values.shape) if np.isfinite(values).all() else 0


def name_of_pca(steps: list[Any], width: float) -> str:
    """Return what a table calls PCA of so many components behind such steps."""
    names = " + ".join(type(step).__name__ for step in steps)
    return f"PCA({int(width)})" + (f" after {names}" if names else "")
