"""Likelihoods of counts, given the total of their row."""

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from skae._exact_dtype import exact_dtype
from skae._log_rates import depths_of
from skae._shared_batch import mean_of_all

from ._log_gamma import log_gamma, where_counted

# Smallest share of a column, where the logarithm of a column without counts would be infinite.
LEAST_SHARE = 1e-9

# Dispersions outside of these make a Poisson distribution, or nothing but zeros.
_LEAST, _MOST = 1e-6, 1e4

# Share of each batch in the running sums of the dispersions: they look back about 20 batches.
_RATE = 0.05

# The weight of the dispersion of all columns in the estimate for one column: that of a thousandth
# of a row with many counts in the column.
_PRIOR = 1e-3

# Passes over all rows after the first one, in which dispersions become the most likely ones.
_N_SCORINGS = 2

# Makes an iterator over outputs of the decoder, targets and weights of rows.
Batches = Callable[[], Iterable[tuple[Tensor, Tensor, Tensor | None]]]


class CountLoss(nn.Module):
    """Base of losses that are minus the log-likelihood of the counts of a row, given their total.

    The softmax of the decoder's outputs is the shares of the columns. Multiplied by the total of
    the row, its depth, they are the expected counts (Lopez et al., 2018). So a row of zeros is
    certain, and costs nothing. Where no row is known, its depth is the mean of the training rows.

    It has the attributes and methods of a `Loss`. Sums of logarithms of counts are large and
    differ little: likelihoods are computed in float64.

    Parameters
    ----------
    n_columns : int
        The number of columns.
    depth : float
        The mean total of the training rows.
    """

    name: ClassVar[Literal["negative_binomial", "multinomial"]]
    minimum, maximum = 0.0, math.inf
    limits = (minimum, maximum)
    centered = scaled = False
    scale_power = 0
    has_gradient = True

    def __init__(self, n_columns: int, depth: float) -> None:
        super().__init__()
        self.n_columns, self.depth = n_columns, depth

    def function(self, output: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        """Return the loss of each cell, or the mean of all."""
        cells = self.cells(output, target)
        return cells.mean().to(output.dtype) if reduction == "mean" else cells

    def cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each cell, whose sum over a row is that of the row."""
        exact = exact_dtype(target.device)
        return self._cells(output.to(exact), target.to(exact)).to(target.dtype)

    def _cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each cell in the precision of the output."""
        raise NotImplementedError

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the derivative of the loss of rows by their outputs, in the place of these."""
        raise NotImplementedError

    def value_and_gradient(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss, and its gradient in the place of the output; see `Loss`."""
        rows, n_values = self.cells(output, target).mean(dim=-1), output.shape[-2:].numel()
        gradient = self.gradient(output, target).div_(n_values)
        if weight is None:
            return rows.mean(dim=-1), gradient
        return (rows * weight).mean(dim=-1), gradient.mul_(weight[..., None])

    def to_data(self, output: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return expected counts, at the depths of rows or, without any, at the mean depth."""
        depth = self.depth if rows is None else depths_of(rows)
        return output.softmax(dim=-1) * depth

    def from_data(self, mean: Tensor) -> Tensor:
        """Return the output of the decoder for means of columns of the training data."""
        return (mean / mean.sum()).clamp(min=LEAST_SHARE).log()

    def follow(self, output: Tensor, target: Tensor, weight: Tensor | None) -> None:
        """Move what is estimated from the batches towards the estimate of one."""

    def settle(self, batches: Batches) -> None:
        """Set what is estimated from the batches to the estimate of all of them."""


class Multinomial(CountLoss):
    """Minus the logarithm of the multinomial probability of the counts of a row.

    The counts of a row are Poisson variables whose sum is known: the loss of a cell is that of its
    Poisson distribution, minus an equal share of that of the sum.
    """

    name = "multinomial"

    def _cells(self, output: Tensor, target: Tensor) -> Tensor:
        depth, logits = depths_of(target), output.log_softmax(dim=-1)
        log_depth = depth.clamp(min=LEAST_SHARE).log()
        of_sum = depth - depth * log_depth + log_gamma(depth + 1)
        of_cells = depth * logits.exp() - target * (logits + log_depth)
        return of_cells + where_counted(_log_factorial, target) - of_sum / target.shape[-1]

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the derivative of the loss of rows by their outputs, in the place of these."""
        shares = torch.softmax(output, dim=-1, out=output)
        return shares.mul_(depths_of(target)).sub_(target)


class NegativeBinomial(CountLoss):
    """Minus the logarithm of the negative binomial probabilities of the counts of a row.

    The variance of a count with mean m is ``m + dispersion * m**2``, with a dispersion for each
    column. Dispersions follow the batches: they make the squared errors of a column what its
    variances say, weighted by how much each tells (Davidian and Carroll, 1987). `settle`, at the
    start and at the end, goes on from there to the maximum of the likelihood by Fisher scoring.
    What few counts tell of a column is completed by what all columns have in common.
    """

    name = "negative_binomial"

    dispersion: Tensor
    excess: Tensor
    squares: Tensor

    def __init__(self, n_columns: int, depth: float) -> None:
        super().__init__(n_columns, depth)
        self.register_buffer("dispersion", torch.ones(n_columns))
        # Means over the rows of squared errors beyond the Poisson variance, and of squared means.
        self.register_buffer("excess", torch.zeros(n_columns))
        self.register_buffer("squares", torch.zeros(n_columns))

    def _cells(self, output: Tensor, target: Tensor) -> Tensor:
        dispersion, depth = self.dispersion.to(output), depths_of(target)
        logits = output.log_softmax(dim=-1)
        ratio = depth * dispersion * logits.exp()
        log_ratio = logits + (depth.clamp(min=LEAST_SHARE) * dispersion).log()
        of_zero = ratio.log1p()
        of_counts = target * (of_zero - log_ratio)
        shape = 1 / dispersion
        ways = where_counted(_log_ways, target, shape, log_gamma(shape))
        return of_zero * shape + of_counts - ways

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the derivative of the loss of rows by their outputs, in the place of these."""
        shares = torch.softmax(output, dim=-1, out=output)
        mean = shares * depths_of(target)
        by_log_mean = (mean - target).div_(mean.mul_(self.dispersion).add_(1))
        return shares.mul_(-by_log_mean.sum(dim=-1, keepdim=True)).add_(by_log_mean)

    @torch.no_grad()
    def follow(self, output: Tensor, target: Tensor, weight: Tensor | None) -> None:
        """Move the dispersions towards those of a batch that is trained on."""
        excess, squares = map(mean_of_all, self._moments(output, target, weight))
        self._set(self.excess.lerp(excess, _RATE), self.squares.lerp(squares, _RATE))

    @torch.no_grad()
    def settle(self, batches: Batches) -> None:
        """Set the dispersions to the most likely ones of all rows."""
        self._set(*_mean(self._moments, batches))
        common = self.dispersion_of_all
        for _ in range(_N_SCORINGS):
            score, information = _mean(self._scores, batches)
            score -= _PRIOR * (self.dispersion / common).log()
            step = (score / (information + _PRIOR)).clamp(-1, 1)
            self.dispersion.mul_(step.exp()).clamp_(_LEAST, _MOST)

    def _moments(
        self, output: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return for each column what its dispersion is the ratio of, with present weights."""
        target = target.to(self.dispersion)
        mean = output.to(target).softmax(dim=-1) * depths_of(target)
        tells = 1 / (1 + self.dispersion * mean)
        excess = ((target - mean) * tells).square() - mean * tells.square()
        squares = (mean * tells).square()
        if weight is not None:
            weight = weight.to(target)[:, None]
            excess, squares = excess * weight, squares * weight
        return excess.mean(dim=0), squares.mean(dim=0)

    def _scores(
        self, output: Tensor, target: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean derivative of the log-likelihood by the logarithm of the dispersion.

        The other is that of its square, which is the information about the dispersion.
        """
        exact = exact_dtype(target.device)
        output, target, shape = output.to(exact), target.to(exact), 1 / self.dispersion.to(exact)
        mean = output.softmax(dim=-1) * depths_of(target)
        rises = where_counted(_rise_of_digamma, target, shape, torch.digamma(shape))
        scores = shape * ((mean / shape).log1p() + (target - mean) / (shape + mean) - rises)
        rows = torch.ones_like(scores[:, 0]) if weight is None else weight.to(exact)
        means = torch.stack([rows @ scores, rows @ scores.square()]) / len(rows)
        score, information = means.to(self.dispersion)
        return score, information

    def _set(self, excess: Tensor, squares: Tensor) -> None:
        self.excess.copy_(excess)
        self.squares.copy_(squares)
        dispersion = (excess + _PRIOR * self.dispersion_of_all) / (squares + _PRIOR)
        self.dispersion.copy_(dispersion.clamp(_LEAST, _MOST))

    @property
    def dispersion_of_all(self) -> Tensor:
        """The dispersion that the columns have in common."""
        return (self.excess.sum() / self.squares.sum().clamp(min=_LEAST)).clamp(_LEAST, _MOST)


def _mean(
    function: Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]], batches: Batches
) -> tuple[Tensor, Tensor]:
    """Return the means over all rows of what a function returns as means over a batch."""
    n_rows = 0
    sums: Any = 0.0
    for output, target, weight in batches():
        sums = sums + torch.stack(function(output, target, weight)) * len(output)
        n_rows += len(output)
    first, second = sums / n_rows
    return first, second


def _rise_of_digamma(counts: Tensor, shape: Tensor, digamma_of_shape: Tensor) -> Tensor:
    return torch.digamma(counts + shape) - digamma_of_shape


def _log_factorial(counts: Tensor) -> Tensor:
    return log_gamma(counts + 1)


def _log_ways(counts: Tensor, shape: Tensor, log_gamma_of_shape: Tensor) -> Tensor:
    """Return the logarithm of the coefficient of the negative binomial distribution."""
    return log_gamma(counts + shape) - log_gamma_of_shape - log_gamma(counts + 1)
