"""A normal distribution of rows, of which some cells may be missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

import numpy as np
import torch
from torch import Generator, Tensor

from skae._typing import ArrayOf

# Added to the variances, in units of the variance of a column: how little few rows are believed.
_RIDGES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)

# Rows that show which ridge is best, and the share of their cells that are hidden for it.
_JUDGED_ROWS, _HIDDEN = 1000, 0.1

# Rows that mean and covariance are learned from: more of them change little.
_ENOUGH_ROWS = 10_000

# The ridge of draws, in columns for each row.
_RIDGE_OF_DRAWS = 0.1

_ROUNDS_PER_RIDGE, _LAST_ROUNDS = 8, 12

# Cells of the matrices that are decomposed at once, and the most of these matrices.
_CELLS_AT_ONCE, _ROWS_AT_ONCE = 2**20, 512


class _Conditional(NamedTuple):
    """Normal distributions of the missing cells of rows, about equally many in each row."""

    # Indices of the rows, and of their missing columns, padded to a common number.
    rows: Tensor
    columns: Tensor
    # Which of the columns are missing, and are no padding.
    real: Tensor
    # Conditional means, and the Cholesky factors of the inverse conditional covariances.
    means: Tensor
    factors: Tensor


@dataclass(eq=False)
class GaussianRows:
    """Mean and covariance of rows, and what they say of missing cells."""

    mean: Annotated[np.ndarray, ArrayOf("float", "n_values")]
    covariance: Annotated[np.ndarray, ArrayOf("float", "n_values", "n_values")]
    ridge: float

    @classmethod
    def learn(
        cls, X: Tensor, missing: Tensor, rng: np.random.RandomState, column_of: Tensor
    ) -> Self:
        """Return the distribution of rows by expectation maximisation (Dempster et al., 1977).

        A ridge on the covariance keeps it from believing few rows. It is the one by which hidden
        cells are filled best; `column_of` is the column of each value, as those of one category are
        hidden together.
        """
        some = torch.from_numpy(rng.permutation(len(X))[:_ENOUGH_ROWS])
        X, missing = X[some], missing[some]
        few = slice(_JUDGED_ROWS)
        judged = cls._of_best_ridge(X[few], missing[few], rng, column_of)
        return judged.after_rounds(X, missing, _LAST_ROUNDS)

    @classmethod
    def _of_best_ridge(
        cls, X: Tensor, missing: Tensor, rng: np.random.RandomState, column_of: Tensor
    ) -> Self:
        cells = rng.random_sample((len(X), int(column_of.max()) + 1)) < _HIDDEN
        hidden = torch.from_numpy(cells)[:, column_of] & ~missing
        hidden &= ~(missing | hidden).all(dim=1, keepdim=True)
        unseen = missing | hidden
        known = (~missing).sum(dim=0).clamp(min=1)
        mean = X.masked_fill(missing, 0.0).sum(dim=0) / known
        candidate = best = cls(mean.numpy(), np.eye(len(mean)), _RIDGES[0])
        least = np.inf
        for ridge in _RIDGES:
            candidate = cls(candidate.mean, candidate.covariance, ridge)
            candidate = candidate.after_rounds(X, unseen, _ROUNDS_PER_RIDGE)
            error = (candidate.fill(X, unseen) - X)[hidden].square().sum().item()
            if error < least:
                least, best = error, candidate
        return best

    def faithful(self, X: Tensor, missing: Tensor) -> Self:
        """Return the distribution of rows with a ridge no larger than few rows need.

        One that fills better than none weakens what columns say of one another.
        """
        needed = _RIDGE_OF_DRAWS * X.shape[1] / len(X)
        start = type(self)(self.mean, self.covariance, min(self.ridge, needed))
        return start.after_rounds(X, missing, _LAST_ROUNDS)

    def after_rounds(self, X: Tensor, missing: Tensor, n_rounds: int) -> Self:
        """Return the distribution after rounds of expectation maximisation on rows."""
        found = self
        for _ in range(n_rounds):
            filled, uncertainty = found._expected(X, missing)
            mean = filled.mean(dim=0)
            centred = filled - mean
            covariance = (centred.T @ centred + uncertainty) / len(X)
            covariance.diagonal().add_(found.ridge)
            found = type(self)(mean.numpy(), covariance.numpy(), found.ridge)
        return found

    def fill(self, X: Tensor, missing: Tensor) -> Tensor:
        """Return rows with the mean of missing cells, given those that are known."""
        filled = X.clone()
        for part in self._conditionals(X, missing):
            _put(filled, part, part.means)
        return filled

    def noise(self, X: Tensor, missing: Tensor, generator: Generator) -> Tensor:
        """Return draws of missing cells less their means, given the known cells; else zeros."""
        noise = torch.zeros_like(X)
        for part in self._conditionals(X, missing):
            drawn = torch.randn(part.means.shape, generator=generator, dtype=X.dtype)
            factors = part.factors.mT
            scaled = torch.linalg.solve_triangular(factors, drawn[..., None], upper=True)
            _put(noise, part, scaled[..., 0])
        return noise

    def variances(self, X: Tensor, missing: Tensor) -> Tensor:
        """Return the variances of missing cells, given the known cells; else zeros."""
        variances = torch.zeros_like(X)
        for part in self._conditionals(X, missing):
            among = torch.cholesky_inverse(part.factors)
            _put(variances, part, among.diagonal(dim1=1, dim2=2))
        return variances

    def _expected(self, X: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
        """Return filled rows, and the sum of the covariances of what was filled."""
        filled = X.clone()
        n_values = X.shape[1]
        total = X.new_zeros(n_values * n_values)
        for part in self._conditionals(X, missing):
            _put(filled, part, part.means)
            both = part.real[:, :, None] & part.real[:, None, :]
            covariances = torch.where(both, torch.cholesky_inverse(part.factors), 0.0)
            places = part.columns[:, :, None] * n_values + part.columns[:, None, :]
            total.index_add_(0, places.flatten(), covariances.flatten())
        return filled, total.view(n_values, n_values)

    def _conditionals(self, X: Tensor, missing: Tensor) -> Iterator[_Conditional]:
        """Yield the conditional distributions of the rows that have missing cells.

        The matrices are as large as the number of missing cells, not of columns.
        """
        mean = torch.from_numpy(self.mean).to(X.device)
        precision = torch.from_numpy(self.covariance).inverse().to(X.device)
        told = torch.where(missing, 0.0, X - mean) @ precision
        for rows, width in _of_like_widths(missing):
            # Places of missing columns before those of the others, in each row.
            columns = missing[rows].byte().argsort(dim=1, descending=True, stable=True)[:, :width]
            real = missing[rows].gather(1, columns)
            both = real[:, :, None] & real[:, None, :]
            among = torch.where(both, precision[columns[:, :, None], columns[:, None, :]], 0.0)
            among.diagonal(dim1=1, dim2=2).add_((~real).to(X.dtype))
            factors = torch.linalg.cholesky(among)
            of_known = torch.where(real, told[rows].gather(1, columns), 0.0)
            shift = torch.cholesky_solve(of_known[..., None], factors)[..., 0]
            yield _Conditional(rows, columns, real, mean[columns] - shift, factors)


def _of_like_widths(missing: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Yield indices of rows with missing cells, and a number that none of them has more of.

    It depends on nothing but the row, so that a row alone gives the bits that it gives in a batch.
    """
    n_missing = missing.sum(dim=1)
    width = 1
    while (n_missing > width // 2).any():
        of_width = ((n_missing > width // 2) & (n_missing <= width)).nonzero()[:, 0]
        widest = min(width, missing.shape[1])
        n_rows = max(1, min(_ROWS_AT_ONCE, _CELLS_AT_ONCE // widest**2))
        for rows in of_width.split(n_rows):
            yield rows, widest
        width *= 2


def _put(filled: Tensor, part: _Conditional, values: Tensor) -> None:
    """Write values of missing cells into their rows."""
    rows = part.rows[:, None].expand_as(part.columns)
    filled[rows[part.real], part.columns[part.real]] = values[part.real]
