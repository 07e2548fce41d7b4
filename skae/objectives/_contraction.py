"""The penalty on how fast codes change with the rows."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import grad

from skae._batch import Batch, Parts
from skae._shared_batch import all_rows, draw_rows

from ._borrowed_gaps import BorrowedGaps
from ._corruption import Corruption
from ._objective import Head
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._weight_penalty import WeightPenalty


class ContractiveObjective(ReconstructionObjective):
    """Mean reconstruction loss, plus `strength` times the squared norm of the encoder's Jacobian.

    The Jacobian is that of the codes divided by their standard deviations over the batch. That
    of the codes themselves would make the encoder shrink and the decoder grow and change
    nothing else, unless they shared their weights as in Rifai et al. (2011).

    Of a table with columns of several types it is the Jacobian with respect to the inputs that the
    first layer makes of them, among which distances of rows have a meaning.

    It is exact for dense encoders of up to one hidden layer. For others it is the squared
    gradient of one random sum of the codes of each row, which is the same on average
    (Hutchinson, 1990). Signs in front of few codes, whose gradients hardly overlap, vary less
    than directions in the many dimensions of the rows.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        weight_penalty: WeightPenalty,
        corruption: Corruption | BorrowedGaps | None,
        strength: float,
    ) -> None:
        super().__init__(heads, weight_penalty, corruption)
        self.strength = strength
        self.spread = CodeSpread()
        self.random = RandomSource()

    def forward(self, autoencoder: Any, batch: Batch) -> Parts:
        """Return the parts of the objective on a batch: scalars that add up to it."""
        # The gradient with respect to the rows is needed in a measurement, too.
        columns, encoder = autoencoder.encoder_parts
        seen = batch.x if self.corruption is None else self.corruption(batch.x)
        with torch.enable_grad():
            inputs = columns(seen).detach().requires_grad_()
            codes = encoder(inputs)
            weight = None if batch.weight is None else all_rows(batch.weight)
            deviations = self.spread(all_rows(codes), weight).sqrt()
            squares = self._squared_norms(autoencoder, inputs, codes, deviations)
        if batch.weight is not None:
            squares = squares * batch.weight
        output = autoencoder.decoder(codes)
        return {
            "reconstruction": self.reconstruction(output, batch),
            "contraction": self.strength * squares.mean(),
            **self.weight_penalty(autoencoder),
        }

    def _squared_norms(
        self, autoencoder: Any, x: Tensor, codes: Tensor, deviations: Tensor
    ) -> Tensor:
        stack = autoencoder.dense_encoder
        if stack is not None and stack.first is None and len(stack.layers) <= 2:
            return _exact_squared_norms(stack, x, deviations)
        generator = self.random.generator_on(x.device)

        def draw(shape: tuple[int, ...]) -> Tensor:
            return codes.new_empty(shape).bernoulli_(0.5, generator=generator)

        direction = draw_rows(draw, codes.shape).mul_(2).sub_(1) / deviations
        (gradient,) = grad(codes, x, direction, create_graph=True)
        return gradient.square().sum(dim=1)


class CodeSpread(nn.Module):
    """The variance of each code: over a batch, or over all of a measurement so far.

    Batches to train on have about the same size. The last batch of a measurement may be a few
    rows, over which some codes hardly vary by chance.
    """

    def __init__(self) -> None:
        super().__init__()
        # Total weight, means and variances of the batches of a measurement.
        self._so_far: tuple[Tensor, Tensor, Tensor] | None = None

    def train(self, mode: bool = True) -> "CodeSpread":
        """Switch between training and measuring."""
        self._so_far = None
        return super().train(mode)

    def forward(self, codes: Tensor, weight: Tensor | None) -> Tensor:
        """Return the variances, and one for a code that does not vary."""
        if self.training and len(codes) == 1:
            raise ValueError(
                "A contractive autoencoder compares codes with how they vary over the batch, but "
                "a batch has only one row. Use a larger batch_size, or more rows."
            )
        # In sums, not in products, which may be meant to be of low precision.
        codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
        weight = codes.new_ones(len(codes)) if weight is None else weight
        share = (weight / weight.sum())[:, None]
        mean = (share * codes).sum(dim=0)
        variance = (share * (codes - mean).square()).sum(dim=0)
        if not self.training:
            mean, variance = self._pooled(weight.sum(), mean.detach(), variance.detach())
        rounding = (10 * torch.finfo(mean.dtype).eps * mean).square()
        return torch.where(variance > rounding, variance, 1.0)

    def _pooled(self, total: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        if self._so_far is not None:
            before, mean_before, variance_before = self._so_far
            share = total / (total + before)
            between = share * (1 - share) * (mean - mean_before).square()
            mean = torch.lerp(mean_before, mean, share)
            variance = torch.lerp(variance_before, variance, share) + between
            total = total + before
        self._so_far = total, mean, variance
        return mean, variance


def _exact_squared_norms(stack: Any, x: Tensor, deviations: Tensor) -> Tensor:
    """Return the squared norm of the Jacobian of codes divided by their deviations, of each row.

    The dense encoder has at most one hidden layer. With s the slopes of the hidden units of a
    row, the Jacobian is ``W2 diag(s) W1 + L``, and its squared norm a quadratic function of s.
    """
    *hidden, last_layer = stack.layers
    last = last_layer.weight / deviations[:, None]
    beside: Any = 0.0 if stack.linear is None else stack.linear.weight / deviations[:, None]
    if not hidden:
        return (last + beside).square().sum().expand(len(x))
    (first,), (activation,) = hidden, stack.activations
    z = first(x)
    # Activations work on each value alone, so that the gradient of their sum is their slope.
    (slopes,) = grad(activation(z).sum(), z, create_graph=True)
    quadratic = (last.T @ last) * (first.weight @ first.weight.T)
    squares = ((slopes @ quadratic) * slopes).sum(dim=1)
    if stack.linear is None:
        return squares
    across = (last * (beside @ first.weight.T)).sum(dim=0)
    return squares + 2 * slopes @ across + beside.square().sum()
