"""The picture of estimators that were compared."""

from typing import Any, Self

import numpy as np
import pandas as pd

from ._axes import grid_of_axes

# How axes call the columns that judge codes or scores.
_JUDGES = {
    "accuracy": "accuracy of a linear\nclassifier of the codes",
    "r2": "R² of a linear\nregression on the codes",
    "auroc": "AUROC of the scores",
}


class ComparisonDisplay:
    """The estimators of a comparison beside each other, the smallest error first.

    :meth:`from_predictions` draws the table of :func:`skae.compare`. The parameter is stored as an
    attribute.

    Parameters
    ----------
    table : DataFrame
        A row for each estimator, as :func:`skae.compare` returns it.

    Attributes
    ----------
    drawn_ : DataFrame
        The rows in the order of the picture, from above.
    bars_ : dict of BarContainer
        The bars of each column of the table that is drawn: "error", what judges codes or scores,
        if there is one, and "fit_time".
    axes_ : ndarray of shape (n_columns,) of matplotlib Axes
        Their axes.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    skae.compare : The table, and what its columns mean.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer, compare
    >>> from skae.displays import ComparisonDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> table = compare([AutoencoderTransformer(1, random_state=0)], X, y, cv=3)
    >>> display = ComparisonDisplay.from_predictions(table)
    >>> display.drawn_.index.tolist()
    ['AutoencoderTransformer', 'PCA(1)']
    """

    def __init__(self, *, table: pd.DataFrame) -> None:
        self.table = table

    @classmethod
    def from_predictions(cls, table: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw a table of compared estimators.

        Parameters
        ----------
        table : DataFrame
            What :func:`skae.compare` returned.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on; one is divided. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``barh``.

        Returns
        -------
        display : ComparisonDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `table` is no table of `compare`.
        """
        if not isinstance(table, pd.DataFrame) or not {"error", "fit_time"} <= {*table.columns}:
            raise TypeError(
                f"table must be the DataFrame that skae.compare returns, got {type(table).__name__}"
                f" without its columns 'error' and 'fit_time'."
            )
        return cls(table=table).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the table.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on; one is divided. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``barh``.

        Returns
        -------
        display : ComparisonDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than there are columns.
        """
        judge = [name for name in _JUDGES if name in self.table]
        by = ["error"] if self.table["error"].notna().any() else judge
        self.drawn_ = table = self.table.sort_values(by, ascending=by == ["error"], kind="stable")
        labels = {
            "error": "error of held-out rows\n(0: perfect, 1: the mean)",
            **{name: _JUDGES[name] for name in judge},
            "fit_time": "seconds of a fit",
        }
        height = 1.0 + 0.35 * len(table)
        self.axes_ = grid_of_axes(ax, (1, len(labels)), (3.6, height))[0]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.bars_ = {}
        # PCA is what the others are measured against.
        colours = ["0.6" if str(name).startswith("PCA(") else "C0" for name in table.index]
        places = np.arange(len(table))
        for axes, (name, label) in zip(self.axes_, labels.items(), strict=True):
            spread = table["error_std"] if name == "error" else None
            style = {"color": colours, "height": 0.6, "xerr": spread, **kwargs}
            self.bars_[name] = axes.barh(places, table[name], **style)
            axes.set_yticks(places, table.index if axes is self.ax_ else [""] * len(table))
            axes.set_ylim(len(table) - 0.5, -0.5)
            axes.set_xlabel(label)
        return self
