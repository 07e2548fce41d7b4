"""Which shape the rows of a table have, where they are images or windows."""

import math
import warnings
from numbers import Integral


def resolve_shape(name, given, row_shape, dimensions, guess):
    """Return the shape of what rows hold.

    Parameters
    ----------
    name : str
        Parameter that gives the shape, for errors.
    given : tuple of int or None
        Its value; None leaves the shape to the rows.
    row_shape : tuple of int
        Shape of a row: ``(n_features,)`` in a table.
    dimensions : tuple of str
        What the dimensions are. The last one, the channels, may be missing where it is one.
    guess : callable
        Maps the number of columns of a table to a shape where nothing is given.

    Returns
    -------
    shape : tuple of int

    Raises
    ------
    ValueError
        If `given` is no such shape, or rows do not have it.
    """
    expected = f"({', '.join(dimensions)})"
    n_columns = math.prod(row_shape)
    if given is not None:
        given = _checked(name, given, dimensions, expected)
    if len(row_shape) > len(dimensions):
        raise ValueError(
            f"X holds {n_columns} values of shape {row_shape} in each row, but {name} is "
            f"{expected}. Reshape X."
        )
    if given is None and _channels_seem_first(row_shape, dimensions):
        warnings.warn(
            f"X holds arrays of shape {row_shape}, which are taken as {expected}. If the channels "
            f"come first, move them with np.moveaxis(X, 1, -1); if not, set {name}={row_shape}.",
            UserWarning,
            stacklevel=2,
        )
    if given is None:
        return guess(n_columns) if len(row_shape) == 1 else row_shape
    fits = len(row_shape) == 1 or with_channels(given, dimensions) == with_channels(
        row_shape, dimensions
    )
    if not fits or math.prod(given) != n_columns:
        what = f"arrays of shape {row_shape}" if len(row_shape) > 1 else "rows"
        cure = f"Set {name} to the {expected} of what a row of X holds, or reshape X."
        if len(given) == len(dimensions) and row_shape == (given[-1], *given[:-1]):
            cure = "Its channels seem to come first: move them with np.moveaxis(X, 1, -1)."
        raise ValueError(
            f"{name}={given} makes {math.prod(given)} columns, but X holds {what} of {n_columns} "
            f"columns. {cure}"
        )
    return given


def _channels_seem_first(row_shape, dimensions):
    """Whether rows look as if their first dimension were the channels, which are the last."""
    if len(row_shape) < len(dimensions):
        return False
    if len(dimensions) == 3:
        return row_shape[0] <= 4 < row_shape[-1]
    # Windows have more steps than channels as a rule.
    return 2 * row_shape[0] < row_shape[1]


def with_channels(shape, dimensions):
    """Return a shape with its last dimension, which may be missing where it is one."""
    return shape if len(shape) == len(dimensions) else (*shape, 1)


def _checked(name, given, dimensions, expected):
    try:
        shape = tuple(given)
    except TypeError:
        shape = ()
    whole = all(isinstance(n, Integral) and n > 0 for n in shape)
    if not whole or len(shape) not in (len(dimensions) - 1, len(dimensions)):
        raise ValueError(
            f"{name} must be {expected}, integers of at least 1, or None, got {given!r}."
        )
    return tuple(int(n) for n in shape)
