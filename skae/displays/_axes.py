"""Axes to draw on, and the check of those that are given."""

from typing import Any

import numpy as np

from skae._extras import require


def pyplot() -> Any:
    """Return matplotlib's pyplot; where it is missing the error names the extra to install."""
    return require("matplotlib.pyplot", "plot")


def one_axes(ax: Any, figsize: tuple[float, float] | None = None) -> Any:
    """Return the axes that are given, or those of a new figure if `ax` is None."""
    plt = pyplot()
    if ax is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, plt.Axes):
        raise TypeError(
            f"ax must be one Axes of matplotlib or None, got {type(ax).__name__}. "
            f"`figure, ax = plt.subplots()` makes one."
        )
    return ax


def grid_of_axes(ax: Any, shape: tuple[int, int], size: tuple[float, float]) -> np.ndarray:
    """Return a grid of axes: given ones, parts of a given one, or those of a new figure.

    `size` is the width and the height of one of them in a new figure, in inches.
    """
    plt = pyplot()
    n_rows, n_columns = shape
    if ax is None:
        figsize = (size[0] * n_columns, size[1] * n_rows)
        return plt.subplots(
            n_rows, n_columns, figsize=figsize, layout="constrained", squeeze=False
        )[1]
    if isinstance(ax, np.ndarray | list | tuple):
        given = np.asarray(ax, dtype=object)
        if given.size != n_rows * n_columns or not all(isinstance(a, plt.Axes) for a in given.flat):
            raise ValueError(
                f"ax must be one Axes of matplotlib or {n_rows * n_columns} of them, got an array "
                f"of shape {given.shape}. `plt.subplots({n_rows}, {n_columns})` makes them."
            )
        return given.reshape(shape)
    whole = one_axes(ax)
    if shape == (1, 1):
        return np.array([[whole]], dtype=object)
    place = whole.get_subplotspec()
    if place is None:
        raise ValueError(
            f"ax was placed by hand and cannot be divided, but {n_rows} x {n_columns} axes are "
            f"needed. Make it by plt.subplots, or give {n_rows * n_columns} Axes."
        )
    whole.set_axis_off()
    # A layout engine takes these for the least distance; without one the labels need them.
    space = {} if whole.figure.get_layout_engine() else {"wspace": 0.4, "hspace": 0.6}
    return place.subgridspec(n_rows, n_columns, **space).subplots(squeeze=False)


def fitting_fontsize(ax: Any, n_columns: int, n_characters: int) -> float:
    """Return a size for texts in cells side by side, in points, so that they do not overlap."""
    width = ax.get_position().width * ax.figure.get_size_inches()[0] * 72
    # A character is six tenths of the font's size wide; labels and a colour bar take room, too.
    return float(np.clip(width / n_columns / (0.72 * max(n_characters, 1)), 3.0, 8.5))
