"""Rows of a table that hold images or windows, and the shape of these."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skae._warnings import warn_caller

from ._layers import is_size

Shape = tuple[int, ...]


@dataclass(frozen=True)
class RowLayout:
    """The kind of array that a row holds.

    `parameter` is the field of a description that gives the array's shape. `dimensions` are
    named, channels last; a shape may leave out a single channel. `guess` maps the number of
    columns of a table to a shape where none is given.
    """

    parameter: str
    dimensions: tuple[str, ...]
    guess: Callable[[int], Shape]

    def resolve(self, given: Any, row_shape: Shape) -> Shape:
        """Return the shape of the arrays in rows of `row_shape`, ``(n_features,)`` in a table.

        `given` is the value of the parameter; None leaves the shape to the rows. A ValueError is
        raised if it is no shape or the rows do not have it.
        """
        n_columns = math.prod(row_shape)
        shape = None if given is None else self._check(given)
        if len(row_shape) > len(self.dimensions):
            raise ValueError(
                f"X holds {n_columns} values of shape {row_shape} in each row, but "
                f"{self.parameter} is {self._expected}. Reshape X."
            )
        if shape is None:
            self._warn_if_channels_seem_first(row_shape)
            return self.guess(n_columns) if len(row_shape) == 1 else row_shape
        fits = len(row_shape) == 1 or self.with_channels(shape) == self.with_channels(row_shape)
        if not fits or math.prod(shape) != n_columns:
            what = f"arrays of shape {row_shape}" if len(row_shape) > 1 else "rows"
            advice = f"Set {self.parameter} to the {self._expected} of a row of X, or reshape X."
            if len(shape) == len(self.dimensions) and row_shape == (shape[-1], *shape[:-1]):
                advice = "Its channels seem to come first: move them with np.moveaxis(X, 1, -1)."
            raise ValueError(
                f"{self.parameter}={shape} makes {math.prod(shape)} columns, but X holds {what} "
                f"of {n_columns} columns. {advice}"
            )
        return shape

    def shape_to_build(self, given: Any, width: int, half: str) -> Shape:
        """Return the shape, channels included, of the arrays that one half takes or gives.

        `width` is the number of values in the encoder's input or the decoder's output. A ValueError
        is raised if these are not exactly the values of one array.
        """
        shape = self.guess(width) if given is None else self._check(given)
        if math.prod(shape) != width:
            raise ValueError(
                f"{self.parameter}={shape} makes rows of {math.prod(shape)} values, but the {half} "
                f"is built for rows of {width}. This network takes and gives the values of one "
                f"such array and no others; DenseNetwork has no such limit."
            )
        return self.with_channels(shape)

    def with_channels(self, shape: Shape) -> Shape:
        """Return the shape with its number of channels, which it may leave out if that is 1."""
        return shape if len(shape) == len(self.dimensions) else (*shape, 1)

    @property
    def _expected(self) -> str:
        return f"({', '.join(self.dimensions)})"

    def _check(self, given: Any) -> Shape:
        try:
            shape = tuple(given)
        except TypeError:
            shape = ()
        n_missing = len(self.dimensions) - len(shape)
        if not all(map(is_size, shape)) or n_missing not in (0, 1):
            raise ValueError(
                f"{self.parameter} must be {self._expected}, integers of at least 1, or None, got "
                f"{given!r}."
            )
        return tuple(int(n) for n in shape)

    def _warn_if_channels_seem_first(self, row_shape: Shape) -> None:
        if len(row_shape) < len(self.dimensions):
            return
        first, last = row_shape[0], row_shape[-1]
        # Images have few channels; windows have more steps than channels as a rule.
        if first <= 4 < last if len(row_shape) == 3 else 2 * first < last:
            warn_caller(
                f"X holds arrays of shape {row_shape}, which are taken as {self._expected}. If "
                f"the channels come first, move them with np.moveaxis(X, 1, -1); if not, set "
                f"{self.parameter}={row_shape}."
            )
