"""The picture of the columns that each component of the code speaks of."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skae.inspection import (
    RowKind,
    codes_of,
    kind_of_rows,
    names_of_columns,
    read_cells,
    sample,
    share_in_words,
)

from ._axes import fitting_fontsize, grid_of_axes, one_axes
from ._check import check_estimator
from ._decoding import chosen_components, code_names, decode, spread_of
from ._image_sheet import draw_sheet, sheet_size

# Components that are drawn by default, most columns, channels, and images beside each other.
_N_COMPONENTS, _N_COLUMNS, _N_CHANNELS, _N_BESIDE = 20, 20, 4, 8
# Most cells whose numbers are written into the heat map.
_N_WRITTEN = 120

# Steps to both sides of a code, in its standard deviations: for columns of real numbers, and for
# those that change in jumps.
_STEP, _JUMP = 0.01, 0.5


class ComponentsDisplay:
    """The sensitivity of each column to each component of the code.

    The sensitivity of a column to a component is the mean, over rows, of the absolute derivative of
    the decoded column by the code, in units of their standard deviations. A sensitivity of 0.5
    means that a step of one standard deviation in the code moves the column by half of its own.
    :meth:`from_estimator` makes it; all parameters are stored as attributes.

    Parameters
    ----------
    sensitivities : ndarray of shape (n_drawn, n_columns)
        The sensitivities of all columns to the components.
    components : ndarray of shape (n_drawn,)
        The components.
    column_names : list of str
        Names of the columns.
    kind : {"image", "signal", "table"}, default="table"
        How they are drawn.
    row_shape : tuple of int, default=None
        The shape of an image or a signal.
    share : str, default=""
        How many rows were asked, if not all.

    Attributes
    ----------
    image_ : matplotlib AxesImage, QuadMesh or list of QuadMesh
        The sheet of images, the heat map of a table, or that of each channel.
    columns_ : list of int
        Of a table, the columns that are drawn.
    texts_ : list of matplotlib Text
        Of a small table, the numbers in its cells.
    axes_ : ndarray of matplotlib Axes
        All axes: one, but for signals of several channels.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    LatentTraversalDisplay : The decoded rows themselves.

    Notes
    -----
    The derivative is a finite difference, of 0.01 standard deviations of the code to both sides, so
    that it is known for every network. Columns that change in jumps are compared half a standard
    deviation to both sides: whole numbers, and categories, whose sensitivity is the share of the
    rows in which the category changes.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import AutoencoderTransformer
    >>> from skae.displays import ComponentsDisplay
    >>> X = load_wine(as_frame=True).data
    >>> ae = AutoencoderTransformer(2, max_iter=5, random_state=0)
    >>> pipe = make_pipeline(StandardScaler(), ae).fit(X)
    >>> display = ComponentsDisplay.from_estimator(pipe, X)
    >>> display.sensitivities.shape
    (2, 13)
    """

    def __init__(
        self,
        *,
        sensitivities: np.ndarray,
        components: np.ndarray,
        column_names: list[str],
        kind: str = "table",
        row_shape: tuple[int, ...] | None = None,
        share: str = "",
    ) -> None:
        self.sensitivities = sensitivities
        self.components = components
        self.column_names = column_names
        self.kind = kind
        self.row_shape = row_shape
        self.share = share

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        components: Any = None,
        y: Any = None,
        kind: str = "auto",
        row_shape: Any = None,
        max_samples: int | None = 500,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the sensitivities of a fitted estimator's columns to its components.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, a Pipeline that ends in one, or any estimator with ``transform``
            and ``inverse_transform``.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows at whose codes the derivatives are taken. They give the standard deviations, too.
        components : int or array-like of int, default=None
            The components to draw. None is the first twenty.
        y : class, default=None
            The class to decode as, for a conditional autoencoder.
        kind : {"auto", "image", "signal", "table"}, default="auto"
            How to draw. "auto" decides by the network of the estimator, `row_shape` and the
            dimensions of `X`.
        row_shape : tuple of int, default=None
            Shape of the image or the signal in each row of a table, as in
            :class:`ReconstructionDisplay`.
        max_samples : int or None, default=500
            Most rows to take derivatives at, drawn at random. None takes all.
        random_state : int, RandomState instance or None, default=None
            Determines these rows, where `X` has more.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals of several channels. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow`` or ``pcolormesh``.

        Returns
        -------
        display : ComponentsDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it cannot decode codes.
        ValueError
            If the rows do not fit it, or there are no such components.
        """
        check_estimator(estimator, cls.__name__, "transform", "inverse_transform")
        row_kind: RowKind = kind_of_rows(estimator, X, kind, row_shape)
        X, places, n_rows = sample(X, max_samples, random_state)
        codes = codes_of(estimator, X)
        chosen = chosen_components(components, codes.shape[1], _N_COMPONENTS)
        n_columns = int(np.prod(row_kind.shape))
        names = names_of_columns(estimator, X, n_columns)
        if len(names) != n_columns:
            # An image has no names of pixels.
            names = [f"x{i}" for i in range(n_columns)]
        display = cls(
            sensitivities=_sensitivities(estimator, X, codes, chosen, names, y),
            components=chosen,
            column_names=names,
            kind=row_kind.kind,
            row_shape=row_kind.shape,
            share=share_in_words(len(places), n_rows),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the sensitivities.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals of several channels. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow`` or ``pcolormesh``.

        Returns
        -------
        display : ComponentsDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than is needed.
        """
        self.columns_: list[int] = []
        self.texts_: list[Any] = []
        self.image_: Any = None
        style = {"vmin": 0.0, "vmax": float(self.sensitivities.max()) or 1.0, **kwargs}
        draw = {"image": self._draw_images, "signal": self._draw_signals, "table": self._draw_table}
        mappable = draw[self.kind](ax, style)
        self.ax_ = self.axes_.flat[0]
        self.figure_ = self.ax_.figure
        axes = self.axes_.ravel().tolist()
        bar = self.figure_.colorbar(mappable, ax=axes)
        bar.set_label("change of the column\n(SD per SD of the code)", fontsize="small")
        if self.share:
            parts = filter(None, [self.ax_.get_title(), f"at {self.share}"])
            self.ax_.set_title(", ".join(parts), fontsize="medium")
        return self

    def _draw_table(self, ax: Any, style: dict[str, Any]) -> Any:
        of_columns = self.sensitivities.max(axis=0)
        most = np.argsort(-of_columns, kind="stable")[:_N_COLUMNS]
        # Columns stand with the component that moves them most, so that the map has blocks.
        order = np.lexsort((-of_columns[most], self.sensitivities[:, most].argmax(axis=0)))
        self.columns_ = most[order].tolist()
        shown = self.sensitivities[:, self.columns_]
        ax = one_axes(ax, (2.6 + 0.5 * shown.shape[1], 2.2 + 0.4 * shown.shape[0]))
        self.axes_ = np.array([ax], dtype=object)
        self.image_ = ax.pcolormesh(shown, **style)
        if shown.size <= _N_WRITTEN:
            fontsize = fitting_fontsize(ax, shown.shape[1], 4)
            for (i, j), value in np.ndenumerate(shown):
                colour = "black" if value > 0.6 * self.image_.norm.vmax else "white"
                centred = {"ha": "center", "va": "center", "fontsize": fontsize}
                text = ax.text(j + 0.5, i + 0.5, f"{value:.2f}", color=colour, **centred)
                self.texts_.append(text)
        names = [self.column_names[column] for column in self.columns_]
        ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=40, ha="right")
        ax.set_yticks(np.arange(len(shown)) + 0.5, code_names(self.components))
        ax.invert_yaxis()
        ax.tick_params(length=0)
        n_all = len(self.column_names)
        what = f"the {len(names)} most sensitive of {n_all} columns" if len(names) < n_all else ""
        ax.set_title(what, fontsize="medium")
        return self.image_

    def _draw_images(self, ax: Any, style: dict[str, Any]) -> Any:
        assert self.row_shape is not None
        n_drawn = len(self.components)
        n_beside = min(_N_BESIDE, n_drawn)
        n_rows = -(-n_drawn // n_beside)
        pixels = np.full((n_rows * n_beside, *self.row_shape), np.nan)
        pixels[:n_drawn] = self.sensitivities.reshape(n_drawn, *self.row_shape)
        if len(self.row_shape) == 3:
            pixels = pixels.mean(axis=-1)
        images = pixels.reshape(n_rows, n_beside, *self.row_shape[:2])
        width, height = sheet_size(images)
        ax = one_axes(ax, (width + 1, max(height, 2.4)))
        self.axes_ = np.array([ax], dtype=object)
        starts = range(0, n_drawn, n_beside)
        rows = [_first_and_last(self.components[i : i + n_beside]) for i in starts]
        names = code_names(self.components) if n_rows == 1 else [""] * n_beside
        style = {"cmap": "viridis", **style}
        limits = style["vmin"], style["vmax"]
        labels = [""] if n_rows == 1 else rows
        self.image_ = draw_sheet(ax, images, labels, names, limits, **style)
        return self.image_

    def _draw_signals(self, ax: Any, style: dict[str, Any]) -> Any:
        assert self.row_shape is not None
        n_steps, n_all = self.row_shape
        n_channels = min(n_all, _N_CHANNELS)
        size = 4.0, 2.0 + 0.3 * len(self.components)
        self.axes_ = grid_of_axes(ax, (1, n_channels), size)
        maps = self.sensitivities.reshape(-1, n_steps, n_all)
        self.image_ = []
        for channel, one in enumerate(self.axes_[0]):
            self.image_.append(one.pcolormesh(maps[:, :, channel], **style))
            one.set_yticks(np.arange(len(maps)) + 0.5, code_names(self.components))
            one.invert_yaxis()
            one.set_xlabel("step")
            one.set_title(f"channel {channel}" if n_all > 1 else "", fontsize="medium")
        return self.image_[0]


def _first_and_last(components: np.ndarray) -> str:
    return (
        f"code {components[0]}\nto {components[-1]}"
        if len(components) > 1
        else f"code {components[0]}"
    )


def _sensitivities(
    estimator: Any, X: Any, codes: np.ndarray, chosen: np.ndarray, names: list[str], y: Any
) -> np.ndarray:
    """Return the sensitivities of all columns to the chosen components."""
    unit = spread_of(codes)
    found = np.empty((len(chosen), len(names)))

    def differences(component: int, step: float) -> tuple[np.ndarray, np.ndarray, pd.Series]:
        """Return mean changes for one unit of the code, and what kind the columns are."""
        move = np.zeros_like(unit)
        move[component] = step * unit[component]
        both = decode(estimator, codes - move, y), decode(estimator, codes + move, y)
        cells = read_cells(X, *both)
        low, high = cells.values[1:]
        change = np.abs(high - low).mean(axis=0) / cells.spread
        other = (high != low).mean(axis=0)
        return (
            np.where(cells.is_number, change, other) / (2 * step),
            cells.is_number,
            cells.frames(names)[1],
        )

    for place, component in enumerate(chosen):
        found[place], is_number, table = differences(component, _STEP)
        jumps = ~is_number | np.array([dtype.kind != "f" for dtype in table.dtypes])
        if jumps.any():
            found[place, jumps] = differences(component, _JUMP)[0][jumps]
    return found
