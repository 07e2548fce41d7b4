"""Pieces of arrays on a regular grid, and arrays put together from overlapping pieces.

A grid is over the first axes of an array; the others, channels, are kept whole. `sizes` and `steps`
have a number for each axis of the grid.
"""

from functools import reduce
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

Sizes = tuple[int, ...]


def counts_of(shape: Sizes, sizes: Sizes, steps: Sizes) -> Sizes:
    """Return how many pieces cover each axis; the last one may reach beyond its end."""
    axes = zip(shape, sizes, steps, strict=True)
    return tuple(-(-(n - size) // step) + 1 for n, size, step in axes)


def reach_of(counts: Sizes, sizes: Sizes, steps: Sizes) -> Sizes:
    """Return how far so many pieces reach along each axis."""
    axes = zip(counts, sizes, steps, strict=True)
    return tuple((count - 1) * step + size for count, size, step in axes)


def pieces_of(values: np.ndarray, sizes: Sizes, steps: Sizes) -> np.ndarray:
    """Return the pieces of an array, of shape (*counts, *sizes, *channels).

    They are a read-only view. Where the last pieces reach beyond the end of the array, it is
    mirrored there, in a copy.
    """
    n_axes = len(sizes)
    shape = values.shape[:n_axes]
    reach = reach_of(counts_of(shape, sizes, steps), sizes, steps)
    if reach != shape:
        beyond = [(0, end - n) for end, n in zip(reach, shape, strict=True)]
        beyond += [(0, 0)] * (values.ndim - n_axes)
        values = np.pad(values, beyond, mode="reflect")
    return _view(values, sizes)[tuple(slice(None, None, step) for step in steps)]


def put_together(pieces: np.ndarray, steps: Sizes, tapers: list[np.ndarray]) -> np.ndarray:
    """Return the array that pieces of shape (*counts, *sizes, *channels) were cut from.

    Where pieces overlap, it is their mean, weighted by the product of the tapers of all axes.
    """
    n_channel_axes = pieces.ndim - 2 * len(steps)
    weights = reduce(np.multiply.outer, tapers).astype(pieces.dtype)
    result = _summed(pieces, steps, weights.reshape(weights.shape + (1,) * n_channel_axes))
    for axis, taper in enumerate(tapers):
        # The sum of all weights is a product, too, as the grid is full.
        ones = np.broadcast_to(pieces.dtype.type(1), (pieces.shape[axis], len(taper)))
        sums = _summed(ones, steps[axis : axis + 1], taper.astype(pieces.dtype))
        result /= sums.reshape(-1, *(1,) * (result.ndim - axis - 1))
    return result


def taper_of(name: str, size: int) -> np.ndarray:
    """Return a window function of scipy without the zeros that some of them have at both ends."""
    try:
        taper = signal.get_window(name, size + 2, fftbins=False)[1:-1]
    except ValueError as error:
        raise ValueError(
            f"taper={name!r} is no window of scipy.signal.get_window that is chosen by its name "
            f"alone: {error} Use 'hann', or 'boxcar' for plain means."
        ) from None
    if taper.min() <= 0:
        raise ValueError(
            f"taper={name!r} has weights of {taper.min():.3g}; they must be positive, or ends of "
            f"recordings and images would be divided by zero. Use 'hann', or 'boxcar' for plain "
            f"means."
        )
    return taper


def _summed(pieces: np.ndarray, steps: Sizes, weights: np.ndarray) -> np.ndarray:
    """Return the sum of weighted pieces, each in its place."""
    n_axes = len(steps)
    counts, sizes = pieces.shape[:n_axes], pieces.shape[n_axes : 2 * n_axes]
    result = np.zeros(reach_of(counts, sizes, steps) + pieces.shape[2 * n_axes :], pieces.dtype)
    places = _view(result, sizes, writeable=True)
    # Pieces that are at least this many places apart do not overlap, and are added at once.
    strides = [-(-size // step) for size, step in zip(sizes, steps, strict=True)]
    for first in product(*map(range, strides)):
        axes = list(zip(first, strides, steps, strict=True))
        chosen = tuple(slice(one, None, stride) for one, stride, _ in axes)
        there = tuple(slice(one * step, None, stride * step) for one, stride, step in axes)
        np.add(places[there], pieces[chosen] * weights, out=places[there])
    return result


def _view(values: np.ndarray, sizes: Sizes, writeable: bool = False) -> np.ndarray:
    """Return all pieces of an array at a step of one, channels last."""
    n_axes = len(sizes)
    axes = tuple(range(n_axes))
    view = sliding_window_view(values, sizes, axis=axes, writeable=writeable)
    n_channels = values.ndim - n_axes
    return np.moveaxis(view, range(n_axes, n_axes + n_channels), range(-n_channels, 0))
