"""Kinds of rows: images, signals, or rows of a table."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ._rows import autoencoder_of

Kind = Literal["image", "signal", "table"]
KINDS = "auto", "image", "signal", "table"


@dataclass(frozen=True)
class RowKind:
    """How rows are drawn, and the shape of one: (height, width), (n_steps, n_channels), ..."""

    kind: Kind
    shape: tuple[int, ...]

    def shaped(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of numbers in this shape."""
        return rows.reshape(len(rows), *self.shape)


def kind_of_rows(estimator: Any, X: Any, kind: str, row_shape: Any) -> RowKind:
    """Return how to draw the rows of `X`.

    `kind` "auto" and a `row_shape` of None are decided by the network of the estimator (None if
    there is none) and by the dimensions of `X`.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}.")
    network = getattr(autoencoder_of(estimator), "network_", None)
    of_network = getattr(network, "image_shape", None) or getattr(network, "window_shape", None)
    of_rows = tuple(getattr(X, "shape", np.shape(X))[1:])
    shape = _given_shape(row_shape, of_rows)
    if shape is None:
        shape = of_network if len(of_rows) == 1 and of_network else of_rows
    if kind == "auto":
        is_signal = getattr(network, "row_axes", ("",))[:1] == ("step",) or (
            row_shape and len(shape) == 1
        )
        kind = "signal" if is_signal else "image" if len(shape) > 1 else "table"
    if kind == "image" and len(shape) not in (2, 3):
        raise ValueError(
            f"Rows of shape {shape} cannot be drawn as images. Set row_shape to (height, width) "
            f"or (height, width, n_channels)."
        )
    if kind == "signal":
        shape = (*shape, 1) if len(shape) == 1 else shape
    if kind == "signal" and len(shape) != 2:
        raise ValueError(
            f"Rows of shape {shape} cannot be drawn as signals. Set row_shape to (n_steps,) or "
            f"(n_steps, n_channels)."
        )
    return RowKind("table", of_rows) if kind == "table" else RowKind(kind, shape)  # type: ignore[arg-type]


def _given_shape(row_shape: Any, of_rows: tuple[int, ...]) -> tuple[int, ...] | None:
    if row_shape is None:
        return None
    shape = tuple(int(n) for n in np.atleast_1d(row_shape))
    if math.prod(shape) != math.prod(of_rows):
        raise ValueError(
            f"row_shape={shape} has {math.prod(shape)} values, but the rows of X have "
            f"{math.prod(of_rows)}."
        )
    return shape
