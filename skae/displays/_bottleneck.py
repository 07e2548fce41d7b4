"""The picture of the error by the number of components."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline

from skae._fitted import last_step, rows_at_last_step
from skae.inspection import sample, share_in_words, take

from ._axes import one_axes
from ._check import check_estimator
from ._pca import pca_beside


class BottleneckDisplay:
    """The error by the number of components, and the elbow that it proposes.

    One fit of a :class:`~skae.NestedAutoencoder` holds an autoencoder for every width; a search
    over `n_components` has trained one for each. :meth:`from_estimator` and :meth:`from_search`
    make the display; all parameters are stored as attributes.

    Parameters
    ----------
    n_components : ndarray of shape (n_widths,)
        The numbers of components, rising.
    errors : ndarray of shape (n_widths,)
        The error with each of them.
    deviations : ndarray of shape (n_widths,), default=None
        The standard deviations of the errors over the folds of a search.
    pca_errors : ndarray of shape (n_widths,), default=None
        The error of PCA with as many components, NaN where there are not as many.
    error_name : str, default="mean squared error"
        What the axis calls the errors.
    share : str, default=""
        How many rows were judged, if not all.

    Attributes
    ----------
    elbow : int or None
        The number of components at the elbow, None if the errors have none.
    line_ : matplotlib Line2D
        The errors.
    pca_line_ : matplotlib Line2D or None
        Those of PCA.
    elbow_ : matplotlib Line2D or None
        The upright line at the elbow.
    ax_ : matplotlib Axes
        Axes with the lines.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    skae.NestedAutoencoder : Its ``truncate`` returns the autoencoder of the width that was chosen.

    Notes
    -----
    The elbow is the point furthest below the straight line from the first point to the last, after
    both axes are scaled to [0, 1] ("kneedle": Satopaa et al., 2011, without its smoothing). There
    is none with fewer than three points, or where no point is below the line. It is a proposal: it
    depends on the widths that were tried, and says nothing about what codes are for.

    References
    ----------
    V. Satopaa, J. Albrecht, D. Irwin and B. Raghavan, 2011. Finding a "kneedle" in a haystack:
    detecting knee points in system behavior. International Conference on Distributed Computing
    Systems Workshops.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import NestedAutoencoder
    >>> from skae.displays import BottleneckDisplay
    >>> X = load_digits().data
    >>> params = {"hidden_layer_sizes": (64,), "max_iter": 5, "random_state": 0}
    >>> ae = NestedAutoencoder(8, **params).fit(X[:1500])
    >>> display = BottleneckDisplay.from_estimator(ae, X[1500:], X_train=X[:1500])
    >>> display.errors.shape
    (8,)
    """

    def __init__(
        self,
        *,
        n_components: np.ndarray,
        errors: np.ndarray,
        deviations: np.ndarray | None = None,
        pca_errors: np.ndarray | None = None,
        error_name: str = "mean squared error",
        share: str = "",
    ) -> None:
        self.n_components = n_components
        self.errors = errors
        self.deviations = deviations
        self.pca_errors = pca_errors
        self.error_name = error_name
        self.share = share

    @property
    def elbow(self) -> int | None:
        """The number of components at the elbow, None if the errors have none."""
        return _elbow_of(self.n_components, self.errors)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        X_train: Any = None,
        max_samples: int | None = 20_000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the errors of all widths of one fitted nested autoencoder.

        Parameters
        ----------
        estimator : NestedAutoencoder, Pipeline or search
            A fitted :class:`~skae.NestedAutoencoder`, or a Pipeline or a search that ends in one.
            Errors are in the unit of what the steps before make of the rows.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to judge by, best those that the estimator was not trained on.
        X_train : array-like of shape (n_train, n_features), default=None
            Rows for a PCA, drawn beside: the training rows of the estimator. None draws no PCA.
        max_samples : int or None, default=20000
            Most rows to judge by, drawn at random. None takes all.
        random_state : int, RandomState instance or None, default=None
            Determines these rows, where `X` has more.
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``plot`` for the errors.

        Returns
        -------
        display : BottleneckDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is no nested autoencoder.
        ValueError
            If the rows do not fit it, or PCA is asked for beside another loss than
            "squared_error".
        """
        nested = last_step(estimator)
        if not hasattr(nested, "truncate"):
            raise TypeError(
                f"{cls.__name__}.from_estimator needs a NestedAutoencoder, or a Pipeline that ends "
                f"in one, got {type(nested).__name__}, whose components are not ordered. Search "
                f"over n_components, and give the search to from_search."
            )
        check_estimator(estimator, cls.__name__)
        _check_pca_is_comparable(nested, X_train)
        X, places, n_rows = sample(X, max_samples, random_state)
        before = rows_at_last_step(estimator, X)
        widths = np.arange(1, nested.n_components_ + 1)
        errors = np.array([-nested.truncate(int(k)).score(before) for k in widths])
        pca_errors = None
        if X_train is not None:
            pca_errors = _padded(pca_beside(estimator, X_train).errors_by_width(X), widths)
        display = cls(
            n_components=widths,
            errors=errors,
            pca_errors=pca_errors,
            error_name=_error_name(nested),
            share=share_in_words(len(places), n_rows),
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_search(cls, search: Any, X: Any = None, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the cross-validated errors of a search over the number of components.

        Parameters
        ----------
        search : estimator
            A fitted :class:`~sklearn.model_selection.GridSearchCV`, or another search with
            ``cv_results_``. Where other parameters were searched, too, the best of each number of
            components is drawn.
        X : array-like of shape (n_samples, n_features), default=None
            The rows that were searched on, for a PCA beside, in the folds of ``search.cv``. None
            draws no PCA. Only for a search without `scoring`.
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``errorbar`` for the errors.

        Returns
        -------
        display : BottleneckDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        TypeError
            If it is no search.
        ValueError
            If it did not compare whole numbers of components by one score, or PCA is asked for
            beside another score than the squared error.
        """
        if not hasattr(search, "param_grid") and not hasattr(search, "cv_results_"):
            check_estimator(search, cls.__name__, "cv_results_")
        check_estimator(search, cls.__name__)
        errors, deviations, widths = _of_results(search)
        has_own_score = search.scoring is None
        pca_errors = None
        if X is not None:
            if not has_own_score:
                raise ValueError(
                    f"The search has scoring={search.scoring!r}, and the error of PCA cannot be "
                    f"compared with that. Leave X out, or search without scoring."
                )
            _check_pca_is_comparable(last_step(search.estimator), X)
            pca_errors = np.mean([*_pca_errors(search, X, widths)], axis=0)
        name = _error_name(last_step(search.estimator)) if has_own_score else "score, times -1"
        display = cls(
            n_components=widths,
            errors=errors,
            deviations=deviations,
            pca_errors=pca_errors,
            error_name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``plot``, or of ``errorbar`` if there are deviations.

        Returns
        -------
        display : BottleneckDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `ax` is no Axes of matplotlib.
        """
        self.ax_ = ax = one_axes(ax)
        self.figure_ = ax.figure
        x, style = self.n_components, {"marker": "o", "label": "autoencoder", **kwargs}
        if self.deviations is None:
            (self.line_,) = ax.plot(x, self.errors, **style)
        else:
            bars = {"capsize": 3, **style}
            self.line_ = ax.errorbar(x, self.errors, yerr=self.deviations, **bars).lines[0]
        self.pca_line_: Any = None
        self.elbow_: Any = None
        if self.pca_errors is not None:
            pca = {"color": "grey", "linestyle": "--", "marker": ".", "label": "PCA"}
            (self.pca_line_,) = ax.plot(x, self.pca_errors, **pca)
        if self.elbow is not None:
            label = f"elbow: {self.elbow} component{'s' * (self.elbow > 1)}"
            self.elbow_ = ax.axvline(self.elbow, color="C1", linestyle=":", label=label)
        ax.set_xlabel("number of components")
        ax.set_ylabel(self.error_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if np.nanmin(self.errors) >= 0:
            # Heights then compare.
            ax.set_ylim(bottom=0)
        if self.share:
            ax.set_title(f"error of {self.share}", fontsize="medium")
        ax.legend(fontsize="small")
        return self


def _elbow_of(x: np.ndarray, errors: np.ndarray) -> int | None:
    """Return the place of the point furthest below the line from the first point to the last."""
    fall = errors[0] - errors[-1]
    if len(x) < 3 or not fall > 0:
        return None
    below = (x[-1] - x) / (x[-1] - x[0]) - (errors - errors[-1]) / fall
    place = int(np.argmax(below))
    # Rounding is no elbow.
    return int(x[place]) if below[place] > 1e-9 else None


def _padded(errors: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the errors of these numbers of components, NaN where PCA has not as many."""
    known = np.full(int(widths.max()), np.nan)
    known[: len(errors)] = errors[: len(known)]
    return known[widths - 1]


def _error_name(estimator: Any) -> str:
    loss = getattr(estimator, "loss", "squared_error")
    return "mean squared error" if loss == "squared_error" else f"loss ({loss})"


def _check_pca_is_comparable(estimator: Any, X: Any) -> None:
    loss = getattr(estimator, "loss", "squared_error")
    if X is not None and loss != "squared_error":
        raise ValueError(
            f"PCA has a squared error, and the autoencoder loss={loss!r}: the two cannot be "
            f"compared. Leave the rows for PCA out."
        )


def _of_results(search: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return errors and their deviations by the number of components, and these numbers."""
    results = search.cv_results_
    score = f"test_{search.refit}" if isinstance(search.refit, str) else "test_score"
    if f"mean_{score}" not in results:
        raise ValueError(
            "The search has several scores and none to choose by. Set refit to the name of one."
        )
    names = [name for name in results["params"][0] if name.split("__")[-1] == "n_components"]
    if len(names) != 1:
        raise ValueError(
            f"The search must have compared one parameter n_components, found {names or 'none'} "
            f"among {sorted(results['params'][0])}."
        )
    tried = [params[names[0]] for params in results["params"]]
    if not all(isinstance(one, Integral) for one in tried):
        raise ValueError(f"{names[0]} must be whole numbers to draw errors by them, got {tried}.")
    means, widths = results[f"mean_{score}"], np.unique(tried)
    best = [
        max(np.flatnonzero(tried == k), key=lambda i: np.nan_to_num(means[i], nan=-np.inf))
        for k in widths
    ]
    return -means[best], results[f"std_{score}"][best], widths


def _pca_errors(search: Any, X: Any, widths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the errors of PCA in each fold of a search."""
    for train, test in check_cv(search.cv).split(X):
        X_train, X_test = take(X, train), take(X, test)
        model = clone(search.estimator)
        if isinstance(model, Pipeline):
            model[:-1].fit(X_train)
        pca = pca_beside(model, X_train, int(widths.max()))
        yield _padded(pca.errors_by_width(X_test), widths)
