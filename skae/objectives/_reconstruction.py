"""The objective of one pass through the autoencoder."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from skae._batch import Batch, Parts

from ._corruption import Corruption
from ._objective import Head, Objective
from ._weight_penalty import WeightPenalty


class ReconstructionObjective(Objective):
    """Mean reconstruction loss, plus a term on the codes, plus a penalty on the weights.

    `corruption` is noise on the rows that the encoder sees; the target is the rows without it.
    ``code_term(autoencoder, h, weight)`` turns outputs of the encoder into codes for
    the decoder, and returns these and a dict of penalties: scalars that depend on `h` and the
    weights of the decoder only. None is the latent of the autoencoder.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        weight_penalty: WeightPenalty,
        corruption: Corruption | None = None,
        code_term: nn.Module | None = None,
    ) -> None:
        super().__init__(heads, weight_penalty)
        self.corruption = corruption
        self.code_term = code_term

    @property
    def is_one_pass(self) -> bool:
        """Whether `forward` is the one of this class, whose steps others may take one by one."""
        return type(self).forward is ReconstructionObjective.forward

    def forward(self, autoencoder: Any, batch: Batch) -> Parts:
        """Return the parts of the objective on a batch: scalars that add up to it."""
        seen = batch.x if self.corruption is None else self.corruption(batch.x)
        if self.code_term is None:
            output, penalties = autoencoder(seen), {}
        else:
            h = autoencoder.encoder(seen)
            codes, penalties = self.code_term(autoencoder, h, batch.weight)
            output = autoencoder.decoder(codes)
        value = self.reconstruction(output, batch)
        return {"reconstruction": value, **penalties, **self.weight_penalty(autoencoder)}

    def through_latent(
        self, autoencoder: Any, h: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """Return the codes that the decoder sees for outputs of the encoder, and the penalties."""
        if self.code_term is None:
            return autoencoder.latent(h), {}
        return self.code_term(autoencoder, h, weight)

    def reconstruction(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch, a scalar, for outputs of the decoder."""
        target, weight = _target(batch), batch.weight
        if weight is None and len(self.heads) == 1:
            # The mean at once costs less than the mean of each row.
            return self.heads[0].loss.function(output, target)
        losses = self.row_losses(output, target)
        return (losses if weight is None else losses * weight).mean()

    def reconstruction_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch and its gradient, which takes the place of the output.

        Of several networks, with a leading dimension each, the loss is one value each.
        """
        target, weight = _target(batch), batch.weight
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
    """Return the target of the decoder: that of the batch, or else the rows themselves."""
    if batch.observed is not None:
        raise TypeError("An objective judges all cells, but the batch has a mask of observed ones.")
    return batch.x if batch.target is None else batch.target
