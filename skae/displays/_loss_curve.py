"""The picture of a training: its losses after each epoch."""

from typing import Any, Literal, Self

import numpy as np

from skae._fitted import last_step

from ._axes import grid_of_axes
from ._check import check_estimator

# Columns whose losses have a line of their own.
_N_COLUMNS = 8


class LossCurveDisplay:
    """Losses of a training, epoch by epoch.

    It shows whether training has ended too early, goes on too long, or which part of the objective
    decides. :meth:`from_estimator` makes it; all parameters are stored as attributes.

    Parameters
    ----------
    epochs : ndarray of shape (n_epochs,)
        Numbers of the epochs, from 1.
    loss : ndarray of shape (n_epochs,)
        The objective over the training rows.
    parts : dict of {str: ndarray of shape (n_epochs,)}, default=None
        Parts of the objective over the training rows by name, "reconstruction" and penalties. They
        add up to `loss`.
    validation_loss : ndarray of shape (n_epochs,), default=None
        The objective over the held-out rows, NaN after epochs that held none out. None if there
        were none.
    best_epoch : int, default=None
        The epoch whose weights were kept. 0 is the start of training, None if there were no
        held-out rows to choose by.
    best_loss : float, default=None
        The loss of the held-out rows with the weights that were kept.
    column_losses : dict of {str: ndarray of shape (n_epochs,)}, default=None
        Of a table with columns of several types or with gaps, the loss of each column, over the
        held-out rows if there are any.
    training_label : str, default="training rows"
        What the legend calls `loss`.
    validation_label : str, default="held-out rows"
        What the legend calls `validation_loss`.

    Attributes
    ----------
    lines_ : dict of {str: matplotlib Line2D}
        The lines by name: "loss", "validation_loss", and the names of parts or columns.
    best_ : matplotlib Line2D or None
        The mark at the best epoch.
    axes_ : ndarray of matplotlib Axes
        Axes with the losses and, below, axes with the penalties if there are any.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import VariationalAutoencoder
    >>> from skae.displays import LossCurveDisplay
    >>> vae = VariationalAutoencoder(2, max_iter=3, random_state=0).fit(load_digits().data)
    >>> display = LossCurveDisplay.from_estimator(vae)
    >>> list(display.parts)
    ['reconstruction', 'kl']
    """

    def __init__(
        self,
        *,
        epochs: np.ndarray,
        loss: np.ndarray,
        parts: dict[str, np.ndarray] | None = None,
        validation_loss: np.ndarray | None = None,
        best_epoch: int | None = None,
        best_loss: float | None = None,
        column_losses: dict[str, np.ndarray] | None = None,
        training_label: str = "training rows",
        validation_label: str = "held-out rows",
    ) -> None:
        self.epochs = epochs
        self.loss = loss
        self.parts = parts
        self.validation_loss = validation_loss
        self.best_epoch = best_epoch
        self.best_loss = best_loss
        self.column_losses = column_losses
        self.training_label = training_label
        self.validation_label = validation_label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        kind: Literal["objective", "columns"] = "objective",
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the losses of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted autoencoder, :class:`~skae.AutoencoderClassifier` or
            :class:`~skae.AutoencoderRegressor`, or a Pipeline or a fitted search that ends in one.
            Of a classifier or a regressor the objective adds the loss of the labels and that of the
            autoencoder, and the held-out loss is that of labels alone; their ``autoencoder_`` has
            the curve of the training before.
        kind : {"objective", "columns"}, default="objective"
            "objective" draws the objective and its parts, "columns" the loss of each column.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on. Where the objective has penalties it is divided into two, or two are
            given. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``plot`` for all lines.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it keeps no losses, as outlier detectors do.
        ValueError
            If `kind` is "columns" and the estimator has no losses of columns.
        """
        check_estimator(estimator, cls.__name__)
        estimator = last_step(estimator)
        if hasattr(estimator, "net_"):
            display = cls(**_of_autoencoder(estimator))
        elif hasattr(estimator, "loss_curve_"):
            display = cls(**_of_curves(estimator))
        else:
            raise TypeError(
                f"{type(estimator).__name__} keeps no losses of its training. "
                f"{cls.__name__} draws those of an autoencoder, a classifier or a regressor."
            )
        return display.plot(kind, ax=ax, **kwargs)

    def plot(
        self,
        kind: Literal["objective", "columns"] = "objective",
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the losses.

        Parameters
        ----------
        kind : {"objective", "columns"}, default="objective"
            "objective" draws the objective and its parts, "columns" the losses of the columns that
            are hardest at the end, eight at most.
        ax : matplotlib Axes or array of them, default=None
            Axes to draw on. Where the objective has penalties it is divided into two, or two are
            given. None makes a new figure.
        **kwargs : dict
            Arguments of matplotlib's ``plot`` for all lines.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `ax` holds something else than Axes of matplotlib.
        ValueError
            If `kind` is unknown, or "columns" where no losses of columns are known.
        """
        if kind not in ("objective", "columns"):
            raise ValueError(f"kind must be 'objective' or 'columns', got {kind!r}.")
        if kind == "columns" and not self.column_losses:
            raise ValueError(
                "There are no losses of columns: only tables with columns of several types or with "
                "gaps have them. Use kind='objective'."
            )
        penalties = [name for name in self.parts or {} if name != "reconstruction"]
        n_axes = 2 if kind == "objective" and penalties else 1
        self.axes_ = grid_of_axes(ax, (n_axes, 1), (6.4, 4.8 / n_axes))[:, 0]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.lines_: dict[str, Any] = {}
        self.best_ = None
        # One epoch alone makes no line.
        marker = "o" if len(self.epochs) == 1 else ""

        def draw(ax: Any, name: str, values: np.ndarray, **style: Any) -> None:
            style = {"marker": marker, **style, **kwargs}
            (self.lines_[name],) = ax.plot(self.epochs, values, **style)

        if kind == "columns":
            self._draw_columns(draw)
        else:
            self._draw_objective(draw)
            for place, name in enumerate(penalties):
                label, color = name.replace("_", " "), f"C{place + 3}"
                draw(self.axes_[1], name, (self.parts or {})[name], label=label, color=color)
        if n_axes == 2:
            self.axes_[1].set_ylabel("penalty")
            self.axes_[0].sharex(self.axes_[1])
            self.axes_[0].tick_params(labelbottom=False)
        for one in self.axes_:
            one.xaxis.get_major_locator().set_params(integer=True)
            one.legend(fontsize="small")
        self.axes_[-1].set_xlabel("epoch")
        return self

    def _draw_objective(self, draw: Any) -> None:
        ax = self.ax_
        draw(ax, "loss", self.loss, label=self.training_label, color="C0")
        if self.parts and "reconstruction" in self.parts:
            label = f"{self.training_label}, reconstruction"
            style = {"color": "C0", "linestyle": "--", "label": label}
            draw(ax, "reconstruction", self.parts["reconstruction"], **style)
        if self.validation_loss is not None:
            label = self.validation_label
            draw(ax, "validation_loss", self.validation_loss, label=label, color="C1")
        if self.best_epoch is not None:
            label = f"kept: epoch {self.best_epoch}" if self.best_epoch else "kept: the start"
            (self.best_,) = ax.plot(
                [self.best_epoch], [self.best_loss], "*", color="C1", markersize=12, label=label
            )
        ax.set_ylabel("loss")

    def _draw_columns(self, draw: Any) -> None:
        ax = self.ax_
        losses = self.column_losses or {}
        hardest = sorted(losses, key=lambda name: np.nan_to_num(losses[name][-1]), reverse=True)
        for name in hardest[:_N_COLUMNS]:
            draw(ax, name, losses[name], label=name)
        ax.axhline(1, color="grey", linestyle=":", label="same answer for all rows")
        ax.set_ylabel("loss of the column")
        if len(hardest) > _N_COLUMNS:
            ax.set_title(f"The hardest {_N_COLUMNS} of {len(hardest)} columns", fontsize="medium")


def _of_autoencoder(estimator: Any) -> dict[str, Any]:
    """Return the losses in the history of an autoencoder, in the unit of its `loss_curve_`."""
    history = estimator.net_.history
    if not len(history):
        raise ValueError(f"{type(estimator).__name__} has no history: it was trained for no epoch.")
    # The objective in the unit of the data; a part is counted from zero.
    in_unit, origin = estimator._in_data_units, estimator._in_data_units(0.0)

    def curve(name: str) -> np.ndarray:
        return np.array([epoch.get(name, np.nan) for epoch in history])

    count = "train_batch_count"
    known = {count, "train_loss", "train_loss_best"}
    names = [n for n in history[-1] if n.startswith("train_") and n not in known]
    parts = {}
    for name in names:
        if not name.startswith("train_column_"):
            part = name.removeprefix("train_")
            # The constants of a likelihood belong to the reconstruction.
            shift = 0.0 if part == "reconstruction" else origin
            parts[part] = in_unit(curve(name)) - shift
    best = estimator.best_validation_loss_
    validation = in_unit(curve("valid_loss"))
    judged = not np.isnan(validation).all()
    epochs = curve("epoch").astype(int)
    return {
        "epochs": epochs,
        "loss": in_unit(curve("train_loss")),
        "parts": parts if len(parts) > 1 else None,
        "validation_loss": validation if judged else None,
        "best_epoch": _best_epoch(epochs, validation, best) if judged else None,
        "best_loss": best,
        "column_losses": _column_losses(history, curve, "valid" if judged else "train"),
    }


def _best_epoch(epochs: np.ndarray, losses: np.ndarray, best: float | None) -> int | None:
    """Return the epoch of the best held-out loss; 0 if it is that of the start."""
    if best is None or not np.isfinite(losses).any():
        return None
    place = int(np.nanargmin(losses))
    is_start = best < losses[place] - 1e-6 * abs(losses[place])
    return 0 if is_start else int(epochs[place])


def _column_losses(history: Any, curve: Any, rows: str) -> dict[str, np.ndarray] | None:
    prefix = f"{rows}_column_"
    names = [name for name in history[-1] if name.startswith(prefix)]
    return {name.removeprefix(prefix): curve(name) for name in names} or None


def _of_curves(estimator: Any) -> dict[str, Any]:
    """Return the losses of a classifier or a regressor."""
    losses = {"loss": np.array(estimator.loss_curve_), "training_label": "labels and autoencoder"}
    losses["epochs"] = np.arange(1, len(estimator.loss_curve_) + 1)
    if estimator.validation_loss_curve_ is not None:
        validation = np.array(estimator.validation_loss_curve_)
        losses["validation_loss"], losses["best_loss"] = validation, float(validation.min())
        losses["best_epoch"] = int(validation.argmin()) + 1
        losses["validation_label"] = "held-out labels"
    return losses
