"""The check of the estimator that a display is made of."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from ._axes import pyplot


def check_estimator(estimator: Any, display: str, *methods: str) -> None:
    """Raise an error unless an estimator is fitted and has the methods that a display calls."""
    # Before anything is computed that could not be drawn.
    pyplot()
    missing = [name for name in methods if not hasattr(estimator, name)]
    if missing or isinstance(estimator, type):
        kind = estimator if isinstance(estimator, type) else type(estimator)
        needs = f"with {' and '.join(methods)}" if methods else ""
        raise TypeError(
            f"{display} needs a fitted estimator {needs}, such as an autoencoder or a Pipeline "
            f"that ends in one, got {kind.__name__}."
        )
    check_is_fitted(estimator)
