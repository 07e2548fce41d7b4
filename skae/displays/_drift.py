"""The picture of a test of drift."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skae.detection import DriftDetector

from ._axes import grid_of_axes
from ._check import check_estimator

# Tests that are drawn.
_N_TESTS = 15
# Names of the tests that are of no single code or column.
_NAMES = {"score": "all scores", "codes": "all codes together"}


class DriftDisplay:
    """The tests of a batch against the reference: how sure the drift is, and how large.

    Tests stand above each other, those with the lowest p-value first. The picture on the left shows
    their adjusted p-values: what is right of the line is drift. The one on the right shows how
    large the differences are, from 0, none, to 1, no overlap. Many rows make a small difference
    sure, so that both are needed. :meth:`from_estimator` or :meth:`from_result` make it; all
    parameters are stored as attributes.

    Parameters
    ----------
    tests : DataFrame
        The tests, as :meth:`skae.DriftDetector.test` returns them.
    alpha : float
        The rate of false alarms of the whole test.
    drift : bool
        Whether there is drift.
    p_value : float
        The p-value of the whole test.

    Attributes
    ----------
    drawn_ : DataFrame
        The tests that are drawn, in the order of the picture, with their "size".
    p_values_ : matplotlib PathCollection
        The adjusted p-values.
    alpha_ : matplotlib Line2D
        The line at `alpha`.
    sizes_ : matplotlib BarContainer
        The sizes of the differences.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the p-values and of the sizes.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    skae.DriftDetector : The tests, and what their p-values and effects mean.

    Notes
    -----
    The size of a difference between numbers is the statistic of Kolmogorov and Smirnov: the largest
    distance of the distribution functions. That between categories is the total variation distance.
    Of all codes together it is ``abs(2 * effect - 1)``: how much oftener rows of the batch are near
    to each other than rows of the reference are. All are above 0 by chance.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skae import AutoencoderTransformer, DriftDetector
    >>> from skae.displays import DriftDisplay
    >>> X = load_wine(as_frame=True).data[["alcohol", "ash", "hue"]].sample(frac=1, random_state=0)
    >>> ae = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X[:60])
    >>> detector = DriftDetector(ae, random_state=0).fit(X[60:120])
    >>> display = DriftDisplay.from_estimator(detector, X[120:].assign(ash=3))
    >>> tests = display.drawn_
    >>> tests.index[tests["drift"] & (tests["kind"] == "column")].tolist()
    ['ash']
    """

    def __init__(self, *, tests: pd.DataFrame, alpha: float, drift: bool, p_value: float) -> None:
        self.tests = tests
        self.alpha = alpha
        self.drift = drift
        self.p_value = p_value

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Test a batch, and draw the tests.

        Parameters
        ----------
        estimator : DriftDetector
            A fitted :class:`~skae.DriftDetector`.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The batch.
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on; one is divided into two. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter`` for the p-values.

        Returns
        -------
        display : DriftDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        TypeError
            If it is no detector of drift.
        ValueError
            If the batch does not fit the reference.
        """
        if not isinstance(estimator, DriftDetector):
            raise TypeError(
                f"{cls.__name__}.from_estimator needs a DriftDetector, got "
                f"{type(estimator).__name__}. DriftDetector(model).fit(X_heldout) makes one."
            )
        check_estimator(estimator, cls.__name__)
        return cls.from_result(estimator.test(X), ax=ax, **kwargs)

    @classmethod
    def from_result(cls, result: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw tests that were made already.

        Parameters
        ----------
        result : DriftResult
            What :meth:`skae.DriftDetector.test` returned.
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on; one is divided into two. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter`` for the p-values.

        Returns
        -------
        display : DriftDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `result` is no result of a test of drift.
        """
        if not hasattr(result, "tests"):
            raise TypeError(
                f"result must be what DriftDetector.test returns, got {type(result).__name__}."
            )
        display = cls(
            tests=result.tests, alpha=result.alpha, drift=result.drift, p_value=result.p_value
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the tests.

        Parameters
        ----------
        ax : matplotlib Axes or array of two, default=None
            Axes to draw on; one is divided into two. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``scatter`` for the p-values.

        Returns
        -------
        display : DriftDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than two.
        """
        tests = self.tests.assign(size=_sizes(self.tests))
        order = ["p_adjusted", "p_value", "size"]
        tests = tests.sort_values(order, ascending=[True, True, False], kind="stable")
        self.drawn_ = tests = tests.head(_N_TESTS)
        self.axes_ = grid_of_axes(ax, (1, 2), (4.4, 1.4 + 0.26 * len(tests)))[0]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self._draw_p_values(self.axes_[0], tests, kwargs)
        self._draw_sizes(self.axes_[1], tests)
        return self

    def _draw_p_values(self, ax: Any, tests: pd.DataFrame, kwargs: dict[str, Any]) -> None:
        places = np.arange(len(tests))
        colours = ["C3" if found else "C0" for found in tests["drift"]]
        self.p_values_ = ax.scatter(tests["p_adjusted"], places, **{"c": colours, **kwargs})
        label = f"alpha = {self.alpha:g}"
        self.alpha_ = ax.axvline(self.alpha, color="black", linestyle="--", label=label)
        ax.set_xscale("log")
        low = min(self.alpha, float(tests["p_adjusted"].min()))
        # Surer tests stand further to the right.
        ax.set_xlim(1.5, low / 2)
        ax.set_yticks(places, [_label(name, kind) for name, kind in tests["kind"].items()])
        ax.set_ylim(len(tests) - 0.5, -0.5)
        ax.grid(axis="y", alpha=0.3)
        ax.set_xlabel("adjusted p-value")
        verdict = f"{'Drift' if self.drift else 'No drift'} (p = {self.p_value:.2g})"
        n_left = len(self.tests) - len(tests)
        more = f", {len(tests)} of {len(self.tests)} tests" if n_left else ""
        ax.set_title(verdict + more, fontsize="medium")
        ax.legend(fontsize="x-small")

    def _draw_sizes(self, ax: Any, tests: pd.DataFrame) -> None:
        places = np.arange(len(tests))
        colours = ["C3" if found else "C0" for found in tests["drift"]]
        self.sizes_ = ax.barh(places, tests["size"], color=colours, height=0.6)
        ax.set_yticks(places, [""] * len(tests))
        ax.set_ylim(len(tests) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.set_xlabel("size of the difference\n(0: none, 1: no overlap)")
        ax.set_title("red: drift" if self.drift else "", fontsize="medium", color="C3")


def _sizes(tests: pd.DataFrame) -> pd.Series:
    """Return how large the differences are, from 0 to 1."""
    of_codes = (2 * tests["effect"] - 1).abs()
    of_others = tests["effect"].where(tests["test"] == "G", tests["statistic"])
    return of_codes.where(tests["test"] == "MMD", of_others)


def _label(name: Any, kind: str) -> str:
    return _NAMES.get(kind, str(name))
