"""A table of numbers: one shift for each column and one scale for all."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import torch
from torch import Tensor

from skae._typing import ArrayOf

from ._caller_type import as_tensor
from ._mapped_files import filled
from ._moments import column_moments
from ._observed_moments import observed_moments
from ._scaled_rows import ScaledRows

# Losses are given in the square of the unit of the data, which must be a number.
LARGEST_SCALE = 1e150


@dataclass(eq=False)
class NumericTable:
    """Translates rows of numbers into inputs of the network, and its outputs into rows.

    One scalar divides all columns, so that the squared error of the scaled rows is that of the data
    in another unit, as PCA's is; scaling each column is StandardScaler's. ``mean_`` and ``scale_``
    of an estimator make its table again. Where rows had gaps, `means` are those of the cells that
    have a value; None stands for rows without.
    """

    center: Annotated[Any, ArrayOf("float", "n_columns")]
    scale: float
    means: Annotated[np.ndarray, ArrayOf("float", "n_columns")] | None = None

    @property
    def mean(self) -> Tensor:
        """The number that is subtracted from each column, as a tensor."""
        return as_tensor(self.center)

    @property
    def n_columns(self) -> int:
        """Number of columns of the caller."""
        return self.center.shape[0]

    @property
    def n_outputs(self) -> int:
        """Number of values that the decoder answers."""
        return self.n_columns

    @property
    def n_inputs(self) -> int:
        """Number of values that the encoder sees: one for each column, and with gaps two."""
        return self.n_columns if self.means is None else 2 * self.n_columns

    @classmethod
    def learn(
        cls, X: Any, sample_weight: Any, gaps: bool, *, centered: bool, scaled: bool
    ) -> tuple[Self, Tensor]:
        """Return the table that validated rows make, and the standard deviations of its columns.

        Both are float64, on the device of `X`. Without `centered` the loss allows no shift, and
        without `scaled` no other unit. Cells of rows with `gaps` may be NaN. The scale is the root
        of the columns' mean variance or, of rows that are not centred, the mean of all values; 1
        for constant rows. Values too large for their variance to be a number raise a ValueError.
        """
        moments = observed_moments if gaps else column_moments
        mean, variance, unit = moments(X, sample_weight)
        if centered:
            scale = unit * float(variance.mean().sqrt()) or 1.0
        elif scaled:
            scale = unit * float(mean.mean()) or 1.0
        else:
            scale = 1.0
        if not scale < LARGEST_SCALE:
            raise ValueError(
                f"X holds values up to {unit:.3g}, too large to compute with in {X.dtype}. "
                f"Scale the data, for example with RobustScaler."
            )
        means = unit * mean
        mean = means if centered else torch.zeros_like(means)
        table = cls(mean, scale, means.numpy() if gaps else None)
        return table, unit * variance.sqrt()

    @property
    def expected(self) -> np.ndarray | None:
        """Scaled means of the columns: the encoder sees them in place of gaps."""
        return None if self.means is None else (self.means - self.mean.numpy()) / self.scale

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

    def linear_rows(self, X: Any, weight: Any, limits: Any) -> tuple[ScaledRows, Any]:
        """Return rows as inputs of a linear code, with means in gaps, and their weights."""
        return self.rows(X if self.means is None else filled(X, self.means), limits), weight

    def to_data(self, output: Tensor) -> Tensor:
        """Return outputs of the decoder in the unit of the data, in float64, on their device."""
        # In double precision, as the scale of the data may leave the range of float32.
        mean = self.mean.to(device=output.device, dtype=torch.float64)
        return output.to(mean) * self.scale + mean
