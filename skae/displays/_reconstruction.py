"""The picture of reconstructions beside the rows themselves."""

from typing import Any, Self

import numpy as np

from skae._fitted import reconstruct
from skae.inspection import autoencoder_of, kind_of_rows, names_of_columns, take
from skae.tables import check_in_memory

from ._axes import fitting_fontsize, grid_of_axes, one_axes
from ._cell_text import as_text
from ._check import check_estimator
from ._comparison import choose_rows, compare_rows
from ._image_sheet import draw_sheet, sheet_size
from ._pca import pca_beside

# Most channels of a signal that are drawn.
_N_CHANNELS = 4


class ReconstructionDisplay:
    """Rows beside their reconstructions.

    Images are drawn above each other, signals as lines over each other. Of the rows of a table the
    columns that are reconstructed worst are drawn: each cell says what was found, and what came
    back. :meth:`from_estimator` or :meth:`from_predictions` make it; all parameters are stored as
    attributes.

    Parameters
    ----------
    rows : ndarray or DataFrame of shape (n_drawn, ...)
        The rows that are drawn: images (n_drawn, height, width) or (n_drawn, height, width,
        n_channels), signals (n_drawn, n_steps, n_channels), or rows of a table.
    reconstructions : dict of {str: ndarray or DataFrame of the same shape}
        What came back of them, by the name of the model.
    kind : {"image", "signal", "table"}
        How they are drawn.
    errors : dict of {str: float}
        The error of each model over all rows that were compared. For images and signals it is the
        mean squared error. For tables it is the share that is not explained, as in
        :func:`skae.compare`, beside the means of these rows: 0 is perfect, 1 knows nothing.
    places : ndarray of shape (n_drawn,)
        The places of the drawn rows in `X`.
    cell_errors : ndarray of shape (n_drawn, n_columns), default=None
        Of a table, the differences of the first model's cells from those of `rows`, in standard
        deviations of the columns. A category counts 1 if it is another one. NaN for gaps.
    columns : list of int, default=None
        Of a table, the columns that are drawn, worst first.
    column_names : list of str, default=None
        Of a table, the names of all columns.
    share : str, default=""
        How many rows were compared, if not all.

    Attributes
    ----------
    image_ : matplotlib AxesImage or QuadMesh
        The sheet of images, or the cells of the table. None for signals.
    lines_ : dict of {str: list of matplotlib Line2D}
        Of signals, the lines by "original" or the name of the model, channel by channel.
    texts_ : list of matplotlib Text
        Of a table, the texts of the cells, row by row.
    axes_ : ndarray of matplotlib Axes
        All axes: one, but for signals of shape (n_channels, n_drawn).
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    LatentTraversalDisplay : Shows what single components do.
    OutlierDisplay : Explains rows that are unusual.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.displays import ReconstructionDisplay
    >>> X = load_digits().images
    >>> ae = AutoencoderTransformer(8, max_iter=5, random_state=0).fit(X[:1500].reshape(1500, -1))
    >>> X_new, X_train = X[1500:].reshape(-1, 64), X[:1500].reshape(-1, 64)
    >>> display = ReconstructionDisplay.from_estimator(
    ...     ae, X_new, row_shape=(8, 8), X_train=X_train)
    >>> list(display.reconstructions)
    ['autoencoder', 'PCA']
    >>> display.errors["autoencoder"] < display.errors["PCA"]
    True
    """

    def __init__(
        self,
        *,
        rows: Any,
        reconstructions: dict[str, Any],
        kind: str,
        errors: dict[str, float],
        places: np.ndarray,
        cell_errors: np.ndarray | None = None,
        columns: list[int] | None = None,
        column_names: list[str] | None = None,
        share: str = "",
    ) -> None:
        self.rows = rows
        self.reconstructions = reconstructions
        self.kind = kind
        self.errors = errors
        self.places = places
        self.cell_errors = cell_errors
        self.columns = columns
        self.column_names = column_names
        self.share = share

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        X_train: Any = None,
        rows: Any = None,
        kind: str = "auto",
        row_shape: Any = None,
        max_samples: int | None = 5_000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw rows beside what a fitted estimator makes of them.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, a Pipeline that ends in one, or any estimator with ``transform``
            and ``inverse_transform``.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, best those that the estimator was not trained on. Images and windows may be
            arrays of three or four dimensions.
        X_train : array-like of shape (n_train, n_features), default=None
            Rows for a PCA with as many components, drawn beside: the training rows of the
            estimator. None draws no PCA. A PCA of the drawn rows themselves would be no fair
            comparison.
        rows : int or array-like of int, default=None
            How many rows to draw, evenly spaced in `X`, or the places of those to draw. None is 8
            images, 4 signals or 6 rows of a table.
        kind : {"auto", "image", "signal", "table"}, default="auto"
            How to draw. "auto" decides by the network of the estimator, `row_shape` and the
            dimensions of `X`.
        row_shape : tuple of int, default=None
            Shape of the image or the signal in each row of a table: (height, width), (height,
            width, n_channels), (n_steps,), or with ``kind="signal"`` (n_steps, n_channels).
        max_samples : int or None, default=5000
            Most rows that `errors` are computed of, drawn at random. None takes all.
        random_state : int, RandomState instance or None, default=None
            Determines these rows, where `X` has more.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow``, ``plot`` or ``pcolormesh``.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it cannot reconstruct rows.
        ValueError
            If the rows do not fit the estimator or `row_shape`, or the autoencoder was fitted on
            pairs of rows and what they should become.
        """
        check_estimator(estimator, cls.__name__, "transform", "inverse_transform")
        if getattr(autoencoder_of(estimator), "_target", None) is not None:
            raise ValueError(
                "The autoencoder was fitted on pairs, fit(X, y), and answers what rows should "
                "become. Draw that by from_predictions(y, estimator.reconstruct(X))."
            )
        check_in_memory(X, cls.__name__)
        row_kind = kind_of_rows(estimator, X, kind, row_shape)
        chosen, compared, share = choose_rows(X, rows, row_kind, max_samples, random_state)
        some = take(X, compared)
        answers = {"autoencoder": reconstruct(estimator, some)}
        if X_train is not None:
            answers["PCA"] = pca_beside(estimator, X_train).reconstruct(some)
        names = names_of_columns(estimator, X, int(np.prod(row_kind.shape)))
        display = cls(**compare_rows(some, answers, chosen, compared, row_kind, names), share=share)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        X_reconstructed: Any,
        *,
        name: str = "reconstruction",
        rows: Any = None,
        kind: str = "auto",
        row_shape: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw rows beside reconstructions that are known already.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows; images and windows may be arrays of three or four dimensions.
        X_reconstructed : {array-like, DataFrame} of the same shape
            What came back of them.
        name : str, default="reconstruction"
            What the picture calls the reconstructions.
        rows : int or array-like of int, default=None
            As in :meth:`from_estimator`.
        kind : {"auto", "image", "signal", "table"}, default="auto"
            As in :meth:`from_estimator`.
        row_shape : tuple of int, default=None
            As in :meth:`from_estimator`.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow``, ``plot`` or ``pcolormesh``.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the two have different shapes.
        """
        shapes = [tuple(getattr(one, "shape", np.shape(one))) for one in (X, X_reconstructed)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"X has the shape {shapes[0]} and X_reconstructed {shapes[1]}. Give each row its "
                f"reconstruction."
            )
        row_kind = kind_of_rows(None, X, kind, row_shape)
        chosen, every, _ = choose_rows(X, rows, row_kind, None, None)
        names = names_of_columns(None, X, int(np.prod(row_kind.shape)))
        answers = {name: X_reconstructed}
        display = cls(**compare_rows(take(X, every), answers, chosen, every, row_kind, names))
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on, divided for signals. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``imshow``, ``plot`` or ``pcolormesh``.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.

        Raises
        ------
        TypeError, ValueError
            If `ax` is no Axes of matplotlib, or an array of another number than is needed.
        """
        self.image_: Any = None
        self.lines_: dict[str, list[Any]] = {}
        self.texts_: list[Any] = []
        draw = {"image": self._draw_images, "signal": self._draw_signals, "table": self._draw_table}
        draw[self.kind](ax, kwargs)
        self.ax_ = self.axes_.flat[0]
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, ax: Any, kwargs: dict[str, Any]) -> None:
        images = np.stack([self.rows, *self.reconstructions.values()])
        ax = one_axes(ax, sheet_size(images))
        limits = float(np.nanmin(self.rows)), float(np.nanmax(self.rows))
        labels = ["original", *(f"{name}\nMSE {self.errors[name]:.3g}" for name in self.errors)]
        self.image_ = draw_sheet(ax, images, labels, [*map(str, self.places)], limits, **kwargs)
        ax.set_xlabel("row of X" + (f" (MSE: {self.share})" if self.share else ""))
        self.axes_ = np.array([ax], dtype=object)

    def _draw_signals(self, ax: Any, kwargs: dict[str, Any]) -> None:
        n_channels = min(self.rows.shape[2], _N_CHANNELS)
        axes = grid_of_axes(ax, (n_channels, len(self.rows)), (2.4, 1.8))
        signals = {"original": self.rows, **self.reconstructions}
        styles: list[dict[str, Any]] = [{"color": "black"}, {"color": "C1"}, {"color": "C0"}]
        for (name, values), style in zip(signals.items(), styles, strict=False):
            label = name if name == "original" else f"{name} (MSE {self.errors[name]:.3g})"
            self.lines_[name] = [
                axes[channel, i].plot(values[i, :, channel], label=label, **{**style, **kwargs})[0]
                for channel in range(n_channels)
                for i in range(len(values))
            ]
        for channel, of_channel in enumerate(axes):
            for one in of_channel[1:]:
                one.sharey(of_channel[0])
                one.tick_params(labelleft=False)
            of_channel[0].set_ylabel("value" if self.rows.shape[2] == 1 else f"channel {channel}")
        for place, one in zip(self.places, axes[0], strict=True):
            one.set_title(f"row {place}", fontsize="medium")
        for one in axes[-1]:
            one.set_xlabel("step")
        axes[0, 0].legend(fontsize="x-small")
        self.axes_ = axes

    def _draw_table(self, ax: Any, kwargs: dict[str, Any]) -> None:
        assert self.columns is not None
        assert self.cell_errors is not None
        assert self.column_names is not None
        n_lines = 1 + len(self.reconstructions)
        size = (
            1.8 + (1.1 + 0.2 * n_lines) * len(self.columns),
            1.2 + 0.22 * n_lines * len(self.rows),
        )
        ax = one_axes(ax, size)
        shades = {"cmap": "Oranges", "vmin": 0, "vmax": 3, "edgecolors": "white", **kwargs}
        self.image_ = ax.pcolormesh(self.cell_errors[:, self.columns], **shades)
        answers = list(self.reconstructions.values())
        marks = ["→"] if len(answers) == 1 else [f"{name}:" for name in self.reconstructions]
        for i in range(len(self.rows)):
            for j, column in enumerate(self.columns):
                lines = [as_text(self.rows.iloc[i, column])]
                for mark, answer in zip(marks, answers, strict=True):
                    lines.append(f"{mark} {as_text(answer.iloc[i, column])}")
                centred = {"ha": "center", "va": "center"}
                self.texts_.append(ax.text(j + 0.5, i + 0.5, "\n".join(lines), **centred))
                is_dark = self.cell_errors[i, column] > 0.7 * self.image_.norm.vmax
                self.texts_[-1].set_color("white" if is_dark else "black")
        lines = [line for text in self.texts_ for line in text.get_text().split("\n")]
        fontsize = fitting_fontsize(ax, len(self.columns), max(map(len, lines)))
        for text in self.texts_:
            text.set_fontsize(fontsize)
        names = [self.column_names[column] for column in self.columns]
        ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=20, ha="right")
        ax.set_yticks(np.arange(len(self.rows)) + 0.5, [f"row {place}" for place in self.places])
        ax.invert_yaxis()
        ax.tick_params(length=0)
        label = "difference in standard deviations\n(1: another category)"
        ax.figure.colorbar(self.image_, ax=ax, label=label, extend="max")
        of_all = [f"{name} {error:.1%}" for name, error in self.errors.items()]
        title = f"Cells, and what came back\nnot explained: {', '.join(of_all)}"
        ax.set_title(title + (f" ({self.share})" if self.share else ""), fontsize="medium")
        self.axes_ = np.array([ax], dtype=object)
