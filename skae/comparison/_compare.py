"""A table of estimators that are trained on the same folds."""

import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length, column_or_1d, get_tags

from skae._compat import safe_indexing
from skae._fitted import has_method, reconstruct
from skae._warnings import warn_caller
from skae.inspection import read_cells
from skae.tables import check_in_memory

from ._pca import key_of, most_components, name_of_pca, pca_after, steps_before


def compare(
    estimators: Iterable[Any] | Mapping[str, Any],
    X: Any,
    y: Any = None,
    *,
    cv: Any = 5,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Compare autoencoders with each other and with PCA, on the same folds.

    Every estimator is fitted on the training rows of each fold and measured on the held-out ones.
    PCA joins for each number of components that occurs, behind the steps of the same Pipeline if
    these give dense numbers without gaps. Of a search these are the steps as they were given.

    Parameters
    ----------
    estimators : list of estimators, or dict of them by name
        Estimators with `transform` and `reconstruct` or `inverse_transform`, Pipelines of them, and
        outlier detectors, also those of others. They are cloned. Those in a
        list have the names of their classes.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Rows, as the estimators take them.
    y : array-like of shape (n_samples,), default=None
        What rows are, to judge the codes by: classes (-1 for rows without one), numbers of a
        float dtype, or 1 for ordinary rows and -1 for outliers. Only estimators that need `y` see
        it.
    cv : int, cross-validation generator or iterable, default=5
        As in :func:`~sklearn.model_selection.cross_val_score`. Without shuffling; folds have equal
        shares of the classes in `y`.
    n_jobs : int, default=None
        Fits at the same time, as in scikit-learn. More than one makes `fit_time` less meaningful.

    Returns
    -------
    table : DataFrame
        A row for each estimator, by its name, with means over the folds:

        - ``n_components``: the width of the codes;
        - ``error``: the squared error of held-out rows as a share of their squared distance to the
          mean of the training rows, so that 0 is perfect and 1 knows nothing. Sums are over all
          cells, as PCA minimises them: columns with a large variance count most. In a table of
          several types it is the mean of the shares of the columns; that of a category is the share
          of wrong cells over that of the most frequent category;
        - ``error_std``: its standard deviation over the folds;
        - ``error_vs_pca``: the median over the folds of its ratio to PCA's with as many components;
        - ``accuracy`` of a logistic regression on standardised codes for classes, ``r2`` of a ridge
          regression for numbers, or ``auroc`` of `score_samples` for outliers;
        - ``fit_time``: the median of the seconds of a fit.

        Cells are NaN where an estimator lacks what the column needs.

    Raises
    ------
    ValueError
        If two estimators have the same name, there is none, or `y` has another length than `X`.

    Warns
    -----
    UserWarning
        If a step of a Pipeline cannot undo what it does, so that there is no error.

    See Also
    --------
    skae.displays.ComparisonDisplay : The picture of the table.
    skae.NestedAutoencoder : All numbers of components in one fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer, compare
    >>> X, y = load_iris(return_X_y=True)
    >>> table = compare([AutoencoderTransformer(1, random_state=0)], X, y, cv=3)
    >>> table["error"].round(2)
    AutoencoderTransformer    0.05
    PCA(1)                    0.08
    Name: error, dtype: float64
    """
    named = _named(estimators)
    check_in_memory(X, "compare")
    target = None
    if y is not None:
        check_consistent_length(X, y)
        y = column_or_1d(y)
        target = _target_of(y)
    # Words beside -1, which marks rows without one, cannot be sorted.
    strata = y.astype(str) if y is not None and y.dtype == object else y
    is_classes = target in ("accuracy", "auroc")
    folds = list(check_cv(cv, strata, classifier=is_classes).split(X, strata))
    measured = [_measure_all(one, X, y, target, folds, n_jobs, name) for name, one in named.items()]
    for results in measured:
        if reason := next((result["reason"] for result in results if result["reason"]), ""):
            warn_caller(
                f"{results[0]['name']} has no error in the table, as it cannot decode its codes: "
                f"{reason}"
            )
    # PCA behind the steps of each estimator, by these and by its number of components.
    beside: dict[str, dict[float, list[dict]]] = {}
    for estimator, results in zip(named.values(), measured, strict=True):
        steps = steps_before(estimator)
        of_steps = beside.setdefault(key_of(steps), {})
        widths = {width for result in results if not np.isnan(width := result["n_components"])}
        widths -= {*of_steps}
        most = most_components(steps, X, y, folds) if widths else 0
        for width in sorted(width for width in widths if width <= most):
            pca, name = pca_after(steps, width), name_of_pca(steps, width)
            of_steps[width] = _measure_all(pca, X, y, target, folds, n_jobs, name)
    summaries = {
        name: _summary(results, beside[key_of(steps_before(estimator))])
        for (name, estimator), results in zip(named.items(), measured, strict=True)
    }
    for of_steps in beside.values():
        for results in of_steps.values():
            name = _other_name(results[0]["name"], summaries)
            summaries[name] = _summary(results, of_steps)
    return pd.DataFrame.from_dict(summaries, orient="index")


def _named(estimators: Iterable[Any] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(estimators, Mapping):
        named = dict(estimators)
    else:
        estimators = list(estimators)
        names = [_name_of(estimator) for estimator in estimators]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"estimators holds {twice[0]} more than once. Pass a dict with a name for each."
            )
        named = dict(zip(names, estimators, strict=True))
    if not named:
        raise ValueError("estimators is empty, expected at least one estimator.")
    return named


def _name_of(estimator: Any) -> str:
    return type(estimator[-1] if isinstance(estimator, Pipeline) else estimator).__name__


def _other_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name, with a number behind it if it is taken."""
    others = (f"{name} ({n})" for n in itertools.count(2))
    return next(one for one in itertools.chain([name], others) if one not in taken)


def _target_of(y: np.ndarray) -> str:
    """Return the name of the column that judges codes by `y`."""
    if set(y.tolist()) == {-1, 1}:
        return "auroc"
    return "r2" if np.issubdtype(y.dtype, np.floating) else "accuracy"


def _measure_all(
    estimator: Any, X: Any, y: Any, target: str | None, folds: list, n_jobs: int | None, name: str
) -> list[dict]:
    return Parallel(n_jobs)(
        delayed(_measure)(clone(estimator), X, y, target, train, test, name)
        for train, test in folds
    )


def _measure(
    estimator: Any,
    X: Any,
    y: Any,
    target: str | None,
    train: np.ndarray,
    test: np.ndarray,
    name: str,
) -> dict[str, Any]:
    """Return what one fold shows of an estimator."""
    rows, new = safe_indexing(X, train), safe_indexing(X, test)
    start = time.perf_counter()
    estimator.fit(rows, y[train] if get_tags(estimator).target_tags.required else None)
    found = {"name": name, "fit_time": time.perf_counter() - start}
    codes = estimator.transform(new) if hasattr(estimator, "transform") else None
    found["n_components"] = np.nan if codes is None else codes.shape[1]
    found |= {"error": np.nan, "reason": ""}
    ways_back = ["reconstruct"] + ["inverse_transform"] * (codes is not None)
    if any(has_method(estimator, name) for name in ways_back):
        try:
            back = reconstruct(estimator, new, codes)
        except (NotImplementedError, ValueError) as error:
            # Some steps have an inverse_transform that raises: SimpleImputer's a ValueError.
            found["reason"] = str(error) or type(error).__name__
        else:
            found["error"] = read_cells(new, back, rows).unexplained(reference=2)
    if target == "auroc":
        scored = hasattr(estimator, "score_samples") and len(np.unique(y[test])) == 2
        found["auroc"] = roc_auc_score(y[test], estimator.score_samples(new)) if scored else np.nan
    elif target is not None:
        judge = LogisticRegression(max_iter=1000) if target == "accuracy" else Ridge()
        found[target] = np.nan
        if codes is not None:
            judge = make_pipeline(StandardScaler(), judge)
            judge.fit(*_labelled(estimator.transform(rows), y[train]))
            found[target] = judge.score(*_labelled(codes, y[test]))
    return found


def _labelled(codes: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes and classes of rows that have a class; numbers stay as they are."""
    known = np.full(len(y), True) if np.issubdtype(y.dtype, np.floating) else y != -1
    return np.asarray(codes)[known], y[known]


def _summary(results: list[dict], of_pca: dict[float, list[dict]]) -> dict[str, float]:
    """Return one row of the table."""
    folds = pd.DataFrame(results).drop(columns=["name", "reason"])
    row = {"n_components": folds.pop("n_components").median()}
    fit_time, error = folds.pop("fit_time").median(), folds.pop("error")
    # The mean of some folds could not be compared.
    row |= {"error": error.mean(skipna=False), "error_std": error.std(ddof=0, skipna=False)}
    pca = [of_pca.get(result["n_components"]) for result in results]
    ratios = [
        fold["error"] / of_fold[i]["error"]
        for i, (fold, of_fold) in enumerate(zip(results, pca, strict=True))
        if of_fold is not None
    ]
    row["error_vs_pca"] = float(np.median(ratios)) if ratios else np.nan
    return row | folds.mean().to_dict() | {"fit_time": fit_time}
