"""A prior of codes for each class: the evidence of rows whose class may not be known."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import Batch


@dataclass
class PriorOfRows:
    """The prior of the codes of each row of a batch: that of each class, weighted.

    `weights` has the shape (n_samples, n_classes). `divergence` is that of the weights from the
    shares of the classes, in nats, of shape (n_samples,).
    """

    weights: Tensor
    means: Tensor
    divergence: Tensor

    def beyond_standard(self, mean: Tensor) -> Tensor:
        """Return by how much a posterior is farther from this prior than from a standard normal.

        That is a Kullback-Leibler divergence minus another, of each row and component. The variance
        of the posterior cancels; `mean` is its mean.
        """
        return self.weights @ (0.5 * self.means.square()) - mean * (self.weights @ self.means)


class ClassPrior(nn.Module):
    """A normal prior of codes for each class, of unit variance around a mean that is learned.

    `shares` are those of the classes, and `n_components` is the width of codes. Means start at
    zero, where all classes have the standard normal prior; see `start`.
    """

    shares: Tensor

    def __init__(self, shares: Tensor, n_components: int) -> None:
        super().__init__()
        self.register_buffer("shares", shares)
        self.means = nn.Parameter(torch.zeros(len(shares), n_components))

    @torch.no_grad()
    def start(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Set the means to those of the codes of labelled rows, guessed labels included.

        One more row of each class, at zero, keeps few labels from saying too much. From zero a few
        hundred steps would hardly part the classes, and rows without a label would not help.
        """
        total, count = torch.zeros_like(self.means), torch.ones_like(self.shares)
        for batch in batches:
            assert batch.label is not None
            assert batch.label_weight is not None
            weights = batch.label * batch.label_weight[:, None]
            total += weights.T @ autoencoder.latent(autoencoder.encoder(batch.x))
            count += weights.sum(dim=0)
        self.means.copy_(total / count[:, None])

    def of(self, batch: Batch, answers: Tensor) -> PriorOfRows:
        """Return the prior of the rows of a batch, of which a classifier answers these logits.

        A row with a given label is of that class. Others are of all classes, by their
        probabilities.
        """
        assert batch.label is not None
        assert batch.label_given is not None
        logs = answers.log_softmax(dim=1)
        found = logs.exp()
        divergence = (found * (logs - self.shares.log())).sum(dim=1)
        given = batch.label_given
        weights = torch.where(given[:, None], batch.label, found)
        return PriorOfRows(weights, self.means, divergence.masked_fill(given, 0.0))
