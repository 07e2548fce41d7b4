"""The objective of one pass through the autoencoder."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import Batch, Parts, beside

from ._borrowed_gaps import BorrowedGaps
from ._corruption import Corruption
from ._count_losses import CountLoss
from ._objective import Head, Objective
from ._weight_penalty import WeightPenalty


class ReconstructionObjective(Objective):
    """Mean reconstruction loss, plus a term on the codes, plus a penalty on the weights.

    `corruption` is noise on the rows that the encoder sees; the decoder is to answer the rows
    without it. ``code_term(autoencoder, h, weight)`` turns outputs of the encoder into codes for
    the decoder, and returns these and a dict of penalties: tensors of one number. One that depends
    on parameters of the encoder other than through `h` has an attribute ``uses_encoder = True``:
    the fused step leaves it to autograd. None is the latent of the autoencoder.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        weight_penalty: WeightPenalty,
        corruption: Corruption | BorrowedGaps | None = None,
        code_term: nn.Module | None = None,
    ) -> None:
        super().__init__(heads, weight_penalty)
        self.corruption = corruption
        self.code_term = code_term
        # Losses that estimate something from the batches, with their heads.
        self._estimating = [(h.loss, h) for h in heads if isinstance(h.loss, CountLoss)]

    @property
    def is_one_pass(self) -> bool:
        """Whether others may take the steps of `forward` one by one, with the gradient by hand.

        A subclass that changes the loss without its gradient is left to autograd, and so is a loss
        that has no gradient.
        """
        if not all(head.loss.has_gradient for head in self.heads):
            return False
        kind = type(self)
        own = ReconstructionObjective
        same_way = kind.forward is own.forward and kind.through_latent is own.through_latent
        gradient, *losses = (
            next(i for i, base in enumerate(kind.__mro__) if name in vars(base))
            for name in ("reconstruction_and_gradient", "reconstruction", "row_losses")
        )
        return same_way and gradient <= min(losses)

    def forward(self, autoencoder: Any, batch: Batch) -> Parts:
        """Return the parts of the objective on a batch: scalars that add up to it."""
        output, penalties = self._answer(autoencoder, batch)
        value = self.reconstruction(output, batch)
        return {"reconstruction": value, **penalties, **self.weight_penalty(autoencoder)}

    def _answer(self, autoencoder: Any, batch: Batch) -> tuple[Tensor, Parts]:
        """Return the outputs of the decoder for a batch, and the penalties on the codes."""
        seen = batch.x if self.corruption is None else self.corruption(batch.x)
        if self.code_term is None:
            return autoencoder(seen), {}
        h = autoencoder.encoder(seen)
        if batch.condition is not None and getattr(self.code_term, "sees_classes", False):
            self.code_term.classes = batch.condition
        codes, penalties = self.through_latent(autoencoder, h, batch.weight)
        return self.decoded(autoencoder, codes, batch), penalties

    def decoded(self, autoencoder: Any, codes: Tensor, batch: Batch) -> Tensor:
        """Return outputs of the decoder for codes of a batch, with its classes if it has some."""
        return autoencoder.decoder(beside(codes, batch.condition))

    @torch.no_grad()
    def settle(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Estimate from all rows what is estimated, not trained; see `Objective.settle`."""
        for loss, head in self._estimating:
            loss.settle(partial(self._answers, autoencoder, batches, head))

    def _answers(
        self, autoencoder: Any, batches: Iterable[Batch], head: Head
    ) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield outputs, targets and weights of a head, batch by batch."""
        for batch in batches:
            output, _ = self._answer(autoencoder, batch)
            yield head.of(output), head.of(_target(batch)), batch.weight

    def _follow(self, output: Tensor, target: Tensor, weight: Tensor | None) -> None:
        """Let losses estimate what they do from a batch that is trained on."""
        if self.training:
            for loss, head in self._estimating:
                loss.follow(head.of(output), head.of(target), weight)

    def through_latent(
        self, autoencoder: Any, h: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """Return the codes that the decoder sees for outputs of the encoder, and the penalties."""
        if self.code_term is None:
            return autoencoder.latent(h), {}
        codes, penalties = self.code_term(autoencoder, h, weight)
        for name, penalty in penalties.items():
            if not isinstance(penalty, Tensor) or penalty.ndim > 0:
                is_tensor = isinstance(penalty, Tensor)
                found = f"shape {tuple(penalty.shape)}" if is_tensor else repr(penalty)
                raise TypeError(
                    f"The penalty {name!r} of {type(self.code_term).__name__} must be a tensor of "
                    f"one number, such as a mean over the batch, got {found}."
                )
        return codes, penalties

    def reconstruction(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch, a scalar, for outputs of the decoder."""
        target, weight = _target(batch), batch.weight
        self._follow(output, target, weight)
        if (
            weight is None
            and len(self.heads) == 1
            and type(self).row_losses is Objective.row_losses
        ):
            # The mean at once costs less than the mean of each row.
            return self.heads[0].loss.function(output, target)
        losses = self.row_losses(output, target)
        return (losses if weight is None else losses * weight).mean()

    def reconstruction_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch and its gradient, which takes the place of the output.

        Of several networks, with a leading dimension each, the loss is one value each.
        """
        target, weight = _target(batch), batch.weight
        self._follow(output, target, weight)
        if len(self.heads) == 1:
            return self.heads[0].loss.value_and_gradient(output, target, weight)
        value = output.new_zeros(())
        for head in self.heads:
            columns = head.of(output)
            share = columns.shape[-1] / output.shape[-1]
            loss, gradient = head.loss.value_and_gradient(columns, head.of(target), weight)
            # It lies in the output.
            gradient.mul_(share)
            value = value + share * loss
        return value, output


def _target(batch: Batch) -> Tensor:
    """Return the values that the decoder should give, all of which are known."""
    if batch.observed is not None:
        raise TypeError("An objective judges all cells, but the batch has a mask of observed ones.")
    return batch.expected
