"""Fits of several estimators side by side."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from skae._compat import safe_indexing, validate_params
from skae.engine import torch_defaults, train_in_lockstep
from skae.tables import CallerType

from ._base_autoencoder import BaseAutoencoder
from ._fit_decisions import as_before_on_error
from ._fit_rows import FitRows


@torch_defaults()
def fit_in_lockstep(
    estimators: Sequence[BaseAutoencoder],
    X: Any,
    rows: Sequence[np.ndarray] | None = None,
    sample_weight: Any = None,
    caller: CallerType | None = None,
    tell_left: Callable[[int], None] = lambda n_epochs: None,
) -> None:
    """Fit estimators, each on its own rows, in less time than one after the other.

    Each ends as its own `fit` would leave it, up to the rounding of its matrix products. Dense
    networks of one architecture on equally many rows are trained as one stack; others take
    turns. Each holds its rows until all are fitted. If one of them fails, all stay as they were.

    Parameters are validated here, `X` already is. `rows` are the indices of the rows of each
    estimator; None is all rows for all. `caller` describes the table that they come from.
    `tell_left` is called with the epochs that are left, of all estimators together.
    """
    caller, trainings = caller or CallerType(), []
    with ExitStack() as on_error, ExitStack() as while_training:
        for i, estimator in enumerate(estimators):
            validate_params(estimator)
            continued = bool(estimator.warm_start) and hasattr(estimator, "net_")
            estimator._check_parameters(continued)
            on_error.enter_context(as_before_on_error(estimator))
            mine, weight = X, sample_weight
            if rows is not None:
                mine = safe_indexing(X, rows[i])
                weight = None if weight is None else safe_indexing(weight, rows[i])
            mine, weight = estimator._counted(mine, weight, 2)
            trainings.append(estimator._prepare_fit(FitRows(mine, weight, caller), continued))
        for estimator, training in zip(estimators, trainings, strict=True):
            context = estimator._while_training(training, len(estimators))
            while_training.enter_context(context)
        train_in_lockstep(trainings, tell_left)
        for estimator, training in zip(estimators, trainings, strict=True):
            estimator._finish(training)
