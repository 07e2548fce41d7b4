"""A table of numbers: one shift for each column and one scale for all."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ._caller_type import as_tensor
from ._moments import column_moments
from ._scaled_rows import ScaledRows

# Losses are given in the square of the unit of the data, which must be a number.
_LARGEST_SCALE = 1e150


class NumericTable:
    """Translates rows of numbers into inputs of the network, and its outputs into rows.

    One scalar divides all columns, so that the squared error of the scaled rows is that of the data
    in another unit, as PCA's is; scaling each column is StandardScaler's. ``mean_`` and ``scale_``
    of an estimator make its table again.
    """

    def __init__(self, mean: Any, scale: float) -> None:
        self.mean = as_tensor(mean)
        self.scale = scale
        # A column of numbers is one value for the encoder and one of the decoder.
        self.n_columns = self.n_inputs = self.n_outputs = len(self.mean)

    @classmethod
    def learn(
        cls, X: Any, sample_weight: Any, *, centered: bool, scaled: bool
    ) -> tuple[Self, Tensor]:
        """Return the table that validated rows make, and the standard deviations of its columns.

        Both are float64, on the device of `X`. Without `centered` the loss allows no shift, and
        without `scaled` no other unit. The scale is the root of the columns' mean variance or, of
        rows that are not centred, the mean of all values; 1 for constant rows. Values too large for
        their variance to be a number raise a ValueError.
        """
        mean, variance, unit = column_moments(X, sample_weight)
        if centered:
            scale = unit * float(variance.mean().sqrt()) or 1.0
        elif scaled:
            scale = unit * float(mean.mean()) or 1.0
        else:
            scale = 1.0
        if not scale < _LARGEST_SCALE:
            raise ValueError(
                f"X holds values up to {unit:.3g}, too large to compute with in {X.dtype}. "
                f"Scale the data, for example with RobustScaler."
            )
        mean = unit * mean if centered else torch.zeros_like(mean)
        return cls(mean, scale), unit * variance.sqrt()

    @property
    def mean_log_volume(self) -> float:
        """Logarithm of the unit of volume among the rows."""
        return self.n_columns * np.log(self.scale)

    def log_volumes(self, X: Any) -> float:
        """Return `mean_log_volume`, which is that of each row."""
        return self.mean_log_volume

    def rows(self, X: Any, limits: tuple[float, float] | None = None) -> ScaledRows:
        """Return validated rows as inputs of the network; `limits` clip the cells."""
        return ScaledRows(X, self.mean, self.scale, limits)

    def to_data(self, output: Tensor) -> Tensor:
        """Return outputs of the decoder in the unit of the data, in float64, on their device."""
        # In double precision, as the scale of the data may leave the range of float32.
        mean = self.mean.to(device=output.device, dtype=torch.float64)
        return output.to(mean) * self.scale + mean
