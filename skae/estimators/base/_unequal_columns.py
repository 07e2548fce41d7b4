"""A warning for columns whose units differ so much that only some of them count."""

import numpy as np

from skae._warnings import warn_caller
from skae.tables import extremes_of

# Standard deviations that differ by this factor: of a squared error, the column has a millionth.
_FACTOR = 1000

# Ranges that differ by this factor, too, have other units. A pixel at the border of an image is
# rarely lit and varies little, but 8 bits limit how far it is from the others.
_FACTOR_OF_RANGES = 256


def warn_of_unequal_columns(X, deviations, names):
    """Warn if some columns vary so much more than others that these are not reconstructed.

    Parameters
    ----------
    X : {ndarray, CSR matrix, tensor} of shape (n_samples, n_features)
        Validated rows.
    deviations : tensor of shape (n_features,)
        Standard deviation of each column.
    names : ndarray of str of shape (n_features,) or None
        Names of the columns; None for scikit-learn's "x0", "x1", ...
    """
    deviations = deviations.cpu().numpy()
    largest = int(deviations.argmax())
    lost = _are_small(deviations, deviations[largest], _FACTOR)
    if not lost.any():
        return
    low, high = extremes_of(X).cpu().numpy()
    ranges = high - low
    lost &= _are_small(ranges, ranges.max(), _FACTOR_OF_RANGES)
    if lost.any():
        if names is None:
            names = [f"x{i}" for i in range(len(deviations))]
        example = int(np.flatnonzero(lost)[0])
        warn_caller(
            f"Columns differ more than a thousandfold in their standard deviations: "
            f"{names[largest]!r} has {deviations[largest]:.3g}, {names[example]!r} has "
            f"{deviations[example]:.3g}. The reconstruction error consists of the large ones, so "
            f"{lost.sum()} of {len(names)} columns will hardly be learned. Put a StandardScaler "
            f"before the estimator."
        )


def _are_small(values, largest, factor):
    return (values > 0) & (values * factor < largest)
