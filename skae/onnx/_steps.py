"""The steps of a pipeline, there and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skae.windows import Patches, Windows

from ._graphs import Operation

Steps = list[tuple[str, BaseEstimator]]


def steps_of(model: Any) -> Steps:
    """Return names and estimators of what a model does in turn, without steps that do nothing.

    A pipeline may have pipelines in it; anything else is a single step.
    """
    # A class of a user's own may do something else than its steps.
    if type(model) is not Pipeline:
        return [(type(model).__name__, model)]
    steps: Steps = []
    for name, outer in model.steps:
        if outer not in ("passthrough", None):
            below = steps_of(outer)
            names = [name if len(below) == 1 else f"{name}__{inner}" for inner, _ in below]
            steps += [(name, step) for name, (_, step) in zip(names, below, strict=True)]
    return steps


def check_rows_stay(steps: Steps) -> None:
    """Refuse steps that change the number of rows."""
    for name, step in steps:
        if isinstance(step, Windows | Patches):
            raise ValueError(
                f"Step {name!r} ({type(step).__name__}) changes the number of rows, and a graph "
                f"answers row by row. Convert the steps behind it, model[1:], for rows as that "
                f"step gives them."
            )


def check_way_back(steps: Steps) -> None:
    """Refuse steps that there is no graph to undo."""
    for name, step in steps:
        if type(step) not in _INVERSES:
            known = ", ".join(sorted(kind.__name__ for kind in _INVERSES))
            raise ValueError(
                f"output='reconstruction' leads back through all steps, and there is no graph for "
                f"the inverse_transform of step {name!r} ({type(step).__name__}), only for those "
                f"of {known}. Convert the autoencoder alone, model[-1], for rows as that step "
                f"gives them."
            )


def way_back(steps: Steps, dtype: np.dtype) -> list[Operation]:
    """Return operations on rows of a dtype that undo fitted steps, the last one first."""
    operations = [one for _, step in steps[::-1] for one in _INVERSES[type(step)](step)]
    return [(operator, value.astype(dtype)) for operator, value in operations if value is not None]


def _inverse_of_pca(pca: PCA) -> list[Operation]:
    components = pca.components_
    if pca.whiten:
        components = np.sqrt(pca.explained_variance_)[:, None] * components
    return [("MatMul", components), ("Add", pca.mean_)]


# Operations that undo a fitted step. It does nothing where an operand is None.
_INVERSES: dict[type, Callable[[Any], list[Operation]]] = {
    MaxAbsScaler: lambda scaler: [("Mul", scaler.scale_)],
    MinMaxScaler: lambda scaler: [("Sub", scaler.min_), ("Div", scaler.scale_)],
    PCA: _inverse_of_pca,
    RobustScaler: lambda scaler: [("Mul", scaler.scale_), ("Add", scaler.center_)],
    StandardScaler: lambda scaler: [("Mul", scaler.scale_), ("Add", scaler.mean_)],
}
