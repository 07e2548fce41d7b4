"""The picture of what each component of the code does."""

from typing import Any, Self

import numpy as np
import pandas as pd

from skae.inspection import codes_of, kind_of_rows, names_of_columns, read_cells, sample

from ._axes import fitting_fontsize, grid_of_axes, one_axes, pyplot
from ._cell_text import as_text
from ._check import check_estimator
from ._decoding import chosen_components, code_names, decode, shaped
from ._image_sheet import draw_sheet, sheet_size

# Components that are drawn by default, and most columns and channels.
_N_COMPONENTS = {"image": 8, "signal": 4, "table": 4}
_N_COLUMNS, _N_CHANNELS = 4, 4


class LatentTraversalDisplay:
    """Decoded rows while one component of the code moves and the others stay.

    Each component moves over its quantiles; the others stay at their medians. Images are drawn side
    by side, signals over each other. Of a table the columns that change most are drawn, with the
    decoded values. :meth:`from_estimator` makes it; all parameters are stored as attributes.

    Parameters
    ----------
    components : ndarray of shape (n_drawn,)
        The components that move.
    quantiles : ndarray of shape (n_steps,)
        The quantiles that they take.
    codes : ndarray of shape (n_drawn, n_steps)
        The values that they take.
    decoded : ndarray of shape (n_drawn, n_steps, ...) or list of DataFrame
        The decoded rows: images, signals, or a table of `n_steps` rows for each component.
    kind : {"image", "signal", "table"}
        How they are drawn.
    changes : ndarray of shape (n_drawn, n_steps, n_columns), default=None
        Of a table, how far each cell is from the one at the medians of all codes, in standard
        deviations of the column; a category counts 1 if it is another one.
    column_names : list of str, default=None
        Of a table, the names of the columns.

    Attributes
    ----------
    image_ : matplotlib AxesImage or list of QuadMesh
        The sheet of images, or the cells of each component's table. None for signals.
    lines_ : list of list of matplotlib Line2D
        Of signals, the lines of each component, channel by channel and step by step.
    columns_ : list of list of int
        Of a table, the columns that are drawn for each component, those that change most first.
    texts_ : list of matplotlib Text
        Of a table, the texts of all cells, component by component and row by row.
    axes_ : ndarray of matplotlib Axes
        One for images; of shape (n_channels, n_drawn) for signals, (n_drawn, 1) for tables.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    ComponentsDisplay : Which columns each component speaks of, over all rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> from skae.displays import LatentTraversalDisplay
    >>> X = load_digits().data
    >>> vae = VariationalAutoencoder(2, max_iter=3, random_state=0).fit(X)
    >>> display = LatentTraversalDisplay.from_estimator(vae, X, row_shape=(8, 8))
    >>> display.decoded.shape
    (2, 7, 8, 8)
    """

    def __init__(
        self,
        *,
        components: np.ndarray,
        quantiles: np.ndarray,
        codes: np.ndarray,
        decoded: Any,
        kind: str,
        changes: np.ndarray | None = None,
        column_names: list[str] | None = None,
    ) -> None:
        self.components = components
        self.quantiles = quantiles
        self.codes = codes
        self.decoded = decoded
        self.kind = kind
        self.changes = changes
        self.column_names = column_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        components: Any = None,
        n_steps: int = 7,
        quantiles: tuple[float, float] = (0.05, 0.95),
        y: Any = None,
        kind: str = "auto",
        row_shape: Any = None,
        max_samples: int | None = 5_000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what the components of a fitted estimator do.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, a Pipeline that ends in one, or any estimator with ``transform``
            and ``inverse_transform``.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows whose codes give the quantiles and the medians.
        components : int or array-like of int, default=None
            The components to draw. None is the first eight for images, the first four otherwise.
        n_steps : int, default=7
            How many values each component takes, at least 2.
        quantiles : tuple of two float, default=(0.05, 0.95)
            The lowest and the highest quantile. Codes outside are rare, and what is decoded of them
            may be unlike any row.
        y : class, default=None
            The class to decode as, for a conditional autoencoder.
        kind : {"auto", "image", "signal", "table"}, default="auto"
            How to draw. "auto" decides by the network of the estimator, `row_shape` and the
            dimensions of `X`.
        row_shape : tuple of int, default=None
            Shape of the image or the signal in each row of a table, as in
            :class:`ReconstructionDisplay`.
        max_samples : int or None, default=5000
            Most rows that are encoded, drawn at random. None takes all.
        random_state : int, RandomState instance or None, default=None
            Determines these rows, where `X` has more.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals and tables. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow``, ``plot`` or ``pcolormesh``.

        Returns
        -------
        display : LatentTraversalDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it cannot decode codes.
        ValueError
            If the rows do not fit it, or an argument is out of range.
        """
        check_estimator(estimator, cls.__name__, "transform", "inverse_transform")
        row_kind = kind_of_rows(estimator, X, kind, row_shape)
        if int(n_steps) != n_steps or n_steps < 2:
            raise ValueError(f"n_steps must be an integer of at least 2, got {n_steps}.")
        low, high = quantiles
        if not 0 <= low < high <= 1:
            raise ValueError(f"quantiles must be two rising numbers from 0 to 1, got {quantiles}.")
        X, _, _ = sample(X, max_samples, random_state)
        all_codes = codes_of(estimator, X)
        default = _N_COMPONENTS[row_kind.kind]
        chosen = chosen_components(components, all_codes.shape[1], default)
        steps = np.linspace(low, high, int(n_steps))
        values = np.quantile(all_codes[:, chosen], steps, axis=0).T
        middle = np.median(all_codes, axis=0)
        moved = np.tile(middle, (len(chosen), len(steps), 1))
        for place, component in enumerate(chosen):
            moved[place, :, component] = values[place]
        # The last row is that of the medians.
        decoded = decode(estimator, np.vstack([moved.reshape(-1, len(middle)), middle]), y)
        found: dict[str, Any] = {}
        if row_kind.kind == "table":
            names = names_of_columns(estimator, X, row_kind.shape[0])
            found = _table_of(names, X, decoded, len(chosen))
        else:
            found["decoded"] = shaped(row_kind, decoded[:-1], len(chosen), len(steps))
        display = cls(components=chosen, quantiles=steps, codes=values, kind=row_kind.kind, **found)
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the decoded rows.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals and tables. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow``, ``plot`` or ``pcolormesh``.

        Returns
        -------
        display : LatentTraversalDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than is needed.
        """
        self.image_: Any = None
        self.lines_: list[list[Any]] = []
        self.columns_: list[list[int]] = []
        self.texts_: list[Any] = []
        draw = {"image": self._draw_images, "signal": self._draw_signals, "table": self._draw_table}
        draw[self.kind](ax, kwargs)
        self.ax_ = self.axes_.flat[0]
        self.figure_ = self.ax_.figure
        return self

    @property
    def _steps(self) -> list[str]:
        return [f"{quantile:.0%}" for quantile in self.quantiles]

    def _draw_images(self, ax: Any, kwargs: dict[str, Any]) -> None:
        ax = one_axes(ax, sheet_size(self.decoded))
        limits = float(self.decoded.min()), float(self.decoded.max())
        names = code_names(self.components)
        self.image_ = draw_sheet(ax, self.decoded, names, self._steps, limits, **kwargs)
        ax.set_xlabel("quantile of this code; the others stay at their medians")
        self.axes_ = np.array([ax], dtype=object)

    def _draw_signals(self, ax: Any, kwargs: dict[str, Any]) -> None:
        n_channels = min(self.decoded.shape[3], _N_CHANNELS)
        self.axes_ = grid_of_axes(ax, (n_channels, len(self.components)), (2.6, 2.0))
        colours = pyplot().get_cmap("viridis")(np.linspace(0, 0.9, len(self.quantiles)))
        for place, name in enumerate(code_names(self.components)):
            self.lines_.append([])
            for channel in range(n_channels):
                one = self.axes_[channel, place]
                for step, label in enumerate(self._steps):
                    style = {"color": colours[step], "label": label, **kwargs}
                    signal = self.decoded[place, step, :, channel]
                    self.lines_[-1] += one.plot(signal, **style)
                one.sharey(self.axes_[channel, 0])
                one.tick_params(labelleft=place == 0)
            self.axes_[0, place].set_title(f"{name} moves", fontsize="medium")
            self.axes_[-1, place].set_xlabel("step")
        for channel in range(n_channels):
            label = "value" if self.decoded.shape[3] == 1 else f"channel {channel}"
            self.axes_[channel, 0].set_ylabel(label)
        self.axes_[0, -1].legend(
            title="quantile", fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5)
        )

    def _draw_table(self, ax: Any, kwargs: dict[str, Any]) -> None:
        assert self.changes is not None
        assert self.column_names is not None
        n_steps, n_columns = len(self.quantiles), min(_N_COLUMNS, len(self.column_names))
        size = 2.2 + 0.9 * n_steps, 0.5 + 0.3 * n_columns
        self.axes_ = grid_of_axes(ax, (len(self.components), 1), size)
        self.image_ = []
        shades = {"cmap": "Oranges", "vmin": 0, "vmax": 3, "edgecolors": "white", **kwargs}
        for place, name in enumerate(code_names(self.components)):
            one = self.axes_[place, 0]
            largest = self.changes[place].max(axis=0)
            columns = np.argsort(-largest, kind="stable")[:n_columns].tolist()
            self.columns_.append(columns)
            changes = self.changes[place][:, columns].T
            self.image_.append(one.pcolormesh(changes, **shades))
            for i, column in enumerate(columns):
                for step in range(n_steps):
                    text = as_text(self.decoded[place].iloc[step, column])
                    is_dark = changes[i, step] > 0.7 * self.image_[-1].norm.vmax
                    style = {"color": "white" if is_dark else "black"}
                    centred = {"ha": "center", "va": "center"}
                    self.texts_.append(one.text(step + 0.5, i + 0.5, text, **style, **centred))
            one.set_yticks(np.arange(len(columns)) + 0.5, [self.column_names[c] for c in columns])
            one.set_xticks(np.arange(n_steps) + 0.5, self._steps)
            one.invert_yaxis()
            one.tick_params(length=0)
            one.set_title(f"{name} moves, the others stay", fontsize="medium")
        longest = max(len(text.get_text()) for text in self.texts_)
        fontsize = fitting_fontsize(self.axes_[0, 0], n_steps, longest)
        for text in self.texts_:
            text.set_fontsize(fontsize)
        self.axes_[-1, 0].set_xlabel("quantile of the code that moves")
        label = "change in standard deviations\n(1: another category)"
        axes = self.axes_[:, 0].tolist()
        self.axes_[0, 0].figure.colorbar(self.image_[0], ax=axes, label=label, extend="max")


def _table_of(names: list[str], X: Any, decoded: Any, n_components: int) -> dict[str, Any]:
    """Return decoded rows as tables, and how far their cells are from those of the last row."""
    cells = read_cells(X, decoded)
    values, table = cells.values[1], cells.frames(names)[1]
    changes = np.abs(values[:-1] - values[-1]) / cells.spread
    changes[:, ~cells.is_number] = values[:-1, ~cells.is_number] != values[-1, ~cells.is_number]
    places: list[np.ndarray] = np.array_split(np.arange(len(changes)), n_components)
    tables: list[pd.DataFrame] = [table.iloc[rows] for rows in places]
    changes = changes.reshape(n_components, -1, len(names))
    return {"decoded": tables, "changes": changes, "column_names": names}
