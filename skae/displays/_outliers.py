"""The picture of outliers: scores, p-values, and one row cell by cell."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skae._compat import num_samples
from skae._fitted import last_step, rows_at_last_step
from skae.inspection import as_array, sample, share_in_words, take
from skae.tables import as_pandas

from ._axes import grid_of_axes
from ._cell_text import as_text
from ._check import check_estimator
from ._image_sheet import draw_sheet

# Cells of a row that are drawn, and bars of the histograms.
_N_CELLS, _N_BARS = 8, 40
# Bars of the p-values.
_N_LEVELS = 20


class OutlierDisplay:
    """Scores of rows beside the threshold, their p-values, and one row cell by cell.

    The first picture shows how many rows are below the threshold, and how far. The second shows the
    p-values: of ordinary rows they are spread evenly, so that bars far above the dashed line are
    rows of another kind. The third tells of one row what was found, what was expected, and how much
    each cell adds to the outlier score. :meth:`from_estimator` makes it; all parameters are stored
    as attributes.

    Parameters
    ----------
    scores : ndarray of shape (n_drawn,)
        The ``score_samples`` of the rows; low ones are unusual.
    threshold : float
        The detector's `offset_`: rows below it are outliers.
    p_values : ndarray of shape (n_drawn,)
        The p-values of the rows.
    row : int
        The place in `X` of the row that is explained.
    row_score : float
        Its score.
    explanation : DataFrame of shape (n_features, 4)
        Its cells: "found", "expected", "residual" and "share" as ``explain`` of the detector gives
        them. The index holds the names of the columns, or the places of the cells of an image.
    share : str, default=""
        How many rows are drawn, if not all.

    Attributes
    ----------
    bars_ : list of matplotlib BarContainer
        The histograms of the scores of ordinary rows and of outliers.
    threshold_ : matplotlib Line2D
        The upright line at the threshold.
    row_ : matplotlib Line2D
        The mark at the score of the row that is explained.
    p_value_bars_ : matplotlib BarContainer
        The histogram of the p-values.
    cell_bars_ : matplotlib BarContainer or None
        The shares of the cells in the outlier score; None for images.
    image_ : matplotlib AxesImage or None
        Of an image, the row as it was found, as it was expected, and its shares.
    axes_ : ndarray of shape (3,) of matplotlib Axes
        The three axes.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    skae.AutoencoderOutlierDetector : The detector, and what its p-values mean.
    DriftDisplay : Whether a whole batch is unlike earlier rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skae import AutoencoderOutlierDetector
    >>> from skae.displays import OutlierDisplay
    >>> X = load_wine(as_frame=True).data
    >>> detector = AutoencoderOutlierDetector(n_estimators=2, random_state=0).fit(X)
    >>> X.loc[3, "alcohol"] = 9
    >>> display = OutlierDisplay.from_estimator(detector, X)
    >>> display.row, display.explanation["share"].idxmin()
    (3, 'alcohol')
    """

    def __init__(
        self,
        *,
        scores: np.ndarray,
        threshold: float,
        p_values: np.ndarray,
        row: int,
        row_score: float,
        explanation: pd.DataFrame,
        share: str = "",
    ) -> None:
        self.scores = scores
        self.threshold = threshold
        self.p_values = p_values
        self.row = row
        self.row_score = row_score
        self.explanation = explanation
        self.share = share

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        row: int | None = None,
        max_samples: int | None = 20_000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what a fitted detector finds among rows.

        Parameters
        ----------
        estimator : AutoencoderOutlierDetector, Pipeline or search
            A fitted :class:`~skae.AutoencoderOutlierDetector`, or a Pipeline or a search that ends
            in one. The row is explained in the unit of what the steps before make of it;
            `set_output` lets these keep the names of columns.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, best those that the detector was not trained on.
        row : int, default=None
            The place of the row to explain. None is the most unusual of those that are drawn.
        max_samples : int or None, default=20000
            Most rows to score, drawn at random. None takes all.
        random_state : int, RandomState instance or None, default=None
            Determines these rows, where `X` has more.
        ax : matplotlib Axes or array of three, default=None
            Axes to draw on; one is divided into three, and should be ten inches wide. None makes
            a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``hist`` for the scores.

        Returns
        -------
        display : OutlierDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        TypeError
            If it is no outlier detector of skae.
        ValueError
            If the rows do not fit it, or `row` is no place in `X`.
        """
        detector = last_step(estimator)
        missing = [name for name in ("p_values", "explain") if not hasattr(detector, name)]
        if missing:
            raise TypeError(
                f"{cls.__name__} needs an AutoencoderOutlierDetector, or a Pipeline that ends in "
                f"one, got {type(detector).__name__}, which has no {missing[0]}."
            )
        check_estimator(estimator, cls.__name__)
        n_rows = num_samples(X)
        if row is not None and not -n_rows <= row < n_rows:
            raise ValueError(f"row must be a place in X, from 0 to {n_rows - 1}, got {row}.")
        some, places, _ = sample(X, max_samples, random_state)
        before = rows_at_last_step(estimator, some)
        scores, p_values = detector.score_samples(before), detector.p_values(before)
        if row is None:
            row = int(places[scores.argmin()])
        row = int(row) % n_rows
        alone = rows_at_last_step(estimator, take(X, np.array([row])))
        display = cls(
            scores=scores,
            threshold=float(detector.offset_),
            p_values=p_values,
            row=row,
            row_score=float(detector.score_samples(alone)[0]),
            explanation=_explained(detector, alone),
            share=share_in_words(len(scores), n_rows),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw scores, p-values and the row.

        Parameters
        ----------
        ax : matplotlib Axes or array of three, default=None
            Axes to draw on; one is divided into three, and should be ten inches wide. None makes
            a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``hist`` for the scores.

        Returns
        -------
        display : OutlierDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than three.
        """
        self.axes_ = grid_of_axes(ax, (1, 3), (4.4, 3.6))[0]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self._draw_scores(self.axes_[0], kwargs)
        self._draw_p_values(self.axes_[1])
        self.cell_bars_: Any = None
        self.image_: Any = None
        if self.explanation.index.nlevels > 1 and self.explanation.index.names[0] == "row":
            self._draw_image(self.axes_[2])
        else:
            self._draw_cells(self.axes_[2])
        return self

    def _draw_scores(self, ax: Any, kwargs: dict[str, Any]) -> None:
        is_outlier = self.scores < self.threshold
        ends = np.array([*self.scores, self.threshold, self.row_score])
        low, high = ends[np.isfinite(ends)].min(), ends.max()
        # The likelihood of an impossible row is minus infinity: it stands at the left end.
        scores, row_score = np.maximum(self.scores, low), max(self.row_score, low)
        bins: Any = np.linspace(low, high, _N_BARS + 1)
        if high < 0 and low < 10 * high:
            # Few scores are many times as low as the others.
            bins = -np.geomspace(-low, -high, _N_BARS + 1)
            ax.set_xscale("symlog", linthresh=-high)
            ax.xaxis.get_major_locator().set_params(numticks=5)
        groups = [scores[~is_outlier], scores[is_outlier]]
        names = [f"ordinary ({len(groups[0]):,})", f"outliers ({len(groups[1]):,})"]
        style = {"stacked": True, "color": ["C0", "C3"], "label": names, "bins": bins, **kwargs}
        self.bars_ = list(ax.hist(groups, **style)[2])
        label = f"threshold ({self.threshold:.3g})"
        self.threshold_ = ax.axvline(self.threshold, color="black", linestyle="--", label=label)
        mark = {"color": "black", "markersize": 8, "clip_on": False, "label": f"row {self.row}"}
        (self.row_,) = ax.plot([row_score], [0], "^", **mark)
        ax.set_xlabel("score_samples (low is unusual)")
        ax.set_ylabel("rows")
        of_rows = f" ({self.share})" if self.share else ""
        ax.set_title(f"Scores{of_rows}", fontsize="medium")
        ax.legend(fontsize="x-small", loc="upper left")

    def _draw_p_values(self, ax: Any) -> None:
        bars = np.linspace(0, 1, _N_LEVELS + 1)
        self.p_value_bars_ = ax.hist(self.p_values, bins=bars, color="C0")[2]
        label = "if all rows were ordinary"
        ax.axhline(len(self.p_values) / _N_LEVELS, color="black", linestyle="--", label=label)
        ax.set_xlabel("p-value (low is unusual)")
        ax.set_ylabel("rows")
        ax.set_title("p-values", fontsize="medium")
        ax.legend(fontsize="x-small")

    def _draw_cells(self, ax: Any) -> None:
        cells = self.explanation.sort_values("share", kind="stable").head(_N_CELLS)
        names = [
            f"{_name_of(label)}: {as_text(found)}\nexpected {as_text(expected)}"
            for label, found, expected in zip(
                cells.index, cells["found"], cells["expected"], strict=True
            )
        ]
        places = np.arange(len(cells))
        self.cell_bars_ = ax.barh(places, -cells["share"].to_numpy(float), color="C3")
        ax.set_yticks(places, names, fontsize="x-small")
        ax.invert_yaxis()
        ax.set_xlabel("part of the outlier score")
        ax.set_title(f"Why row {self.row} is unusual", fontsize="medium")

    def _draw_image(self, ax: Any) -> None:
        shape = tuple(len(level) for level in self.explanation.index.levels)
        columns = ("found", "expected", "share")
        images = np.stack(
            [self.explanation[name].to_numpy(float).reshape(shape) for name in columns]
        )
        low, high = float(images[0].min()), float(images[0].max())
        # The largest share is as bright as the brightest pixel.
        shares = -images[2]
        images[2] = low + (high - low) * (shares - shares.min()) / (np.ptp(shares) or 1.0)
        names = ["found", "expected", "unusual\npixels"]
        self.image_ = draw_sheet(ax, images[None], [""], names, (low, high))
        ax.set_title(f"Why row {self.row} is unusual", fontsize="medium")


def _explained(detector: Any, alone: Any) -> pd.DataFrame:
    """Return the explanation of one row: a row of the frame for each cell."""
    wide = detector.explain(alone)
    parts = {name: wide[name].iloc[0] for name in ("expected", "residual", "share")}
    labels = wide["share"].columns
    if "found" in wide.columns.get_level_values(0):
        found = wide["found"].iloc[0]
    elif hasattr(type(alone), "columns"):
        found = as_pandas(alone, None, pd.RangeIndex(len(labels))).iloc[0]
    else:
        found = as_array(alone).ravel()
    cells = pd.DataFrame({"found": list(found), **{k: list(v) for k, v in parts.items()}})
    return cells.set_axis(labels, axis=0)


def _name_of(label: Any) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
