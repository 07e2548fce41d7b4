"""A warning for columns whose units differ so much that only some of them count."""

from typing import Any

import numpy as np
from torch import Tensor

from skae._warnings import warn_caller

from ._moments import column_extremes
from ._output_frames import column_names

# Standard deviations that differ by this factor: the column has a millionth of a squared error.
_FACTOR = 1000

# Columns whose ranges also differ by this factor have other units. A pixel at the border of an
# image is rarely lit and varies little, but its range is at most 8 bits, as that of the others.
_FACTOR_OF_RANGES = 256


def warn_of_unequal_columns(X: Any, deviations: Tensor, estimator: Any) -> None:
    """Warn if some columns vary so much more than others that these are not reconstructed.

    `deviations` are the standard deviations of the columns of validated rows; the estimator knows
    their names.
    """
    spread = deviations.cpu().numpy()
    largest = int(spread.argmax())
    lost = _are_small(spread, spread[largest], _FACTOR)
    if not lost.any():
        return
    low, high = column_extremes(X).cpu().numpy()
    ranges = high - low
    lost &= _are_small(ranges, ranges.max(), _FACTOR_OF_RANGES)
    if lost.any():
        names = column_names(estimator, len(spread))
        example = int(np.flatnonzero(lost)[0])
        warn_caller(
            f"Columns differ more than a thousandfold in their standard deviations: "
            f"{names[largest]!r} has {spread[largest]:.3g}, {names[example]!r} has "
            f"{spread[example]:.3g}. The reconstruction error consists of the large ones, so "
            f"{lost.sum()} of {len(names)} columns will hardly be learned. Put a StandardScaler "
            f"before the estimator."
        )


def _are_small(values: np.ndarray, largest: float, factor: int) -> np.ndarray:
    return (values > 0) & (values * factor < largest)
