"""Questions of the tools to fitted estimators of any kind, also pipelines and searches."""

from typing import Any


def first_step(estimator: Any) -> Any:
    """Return the step of a pipeline that rows reach first; an estimator without steps itself."""
    return _step(estimator, 1)


def last_step(estimator: Any) -> Any:
    """Return the step of a pipeline that gives the answer; an estimator without steps itself."""
    return _step(estimator, -1)


def rows_at_last_step(estimator: Any, X: Any) -> Any:
    """Return rows as `last_step` sees them."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(estimator, "steps"):
        return X
    steps = [step for _, step in estimator.steps]
    n_before = max(i for i, step in enumerate(steps) if step not in (None, "passthrough"))
    X = estimator[:n_before].transform(X) if n_before else X
    return rows_at_last_step(steps[n_before], X)


def _step(estimator: Any, direction: int) -> Any:
    if hasattr(estimator, "steps"):
        working = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return _step(working[::direction][0], direction) if working else estimator
    if hasattr(estimator, "best_estimator_"):
        return _step(estimator.best_estimator_, direction)
    return estimator


def has_method(estimator: Any, name: str) -> bool:
    """Whether an estimator has a method; one that cannot be looked up is not there."""
    try:
        return callable(getattr(estimator, name, None))
    except Exception:
        # Steps of a pipeline that are asked for it may raise anything.
        return False


def reconstruct(estimator: Any, X: Any, codes: Any = None) -> Any:
    """Return encoded and decoded rows; `codes`, if they are known, are not computed again."""
    if has_method(estimator, "reconstruct"):
        return estimator.reconstruct(X)
    if codes is None:
        # A decoder alone is given codes.
        codes = estimator.transform(X) if has_method(estimator, "transform") else X
    return estimator.inverse_transform(codes)
