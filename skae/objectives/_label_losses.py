"""Losses of a supervised head, and how far two of its answers are apart."""

import math
from collections.abc import Callable
from typing import Protocol

from torch import Tensor
from torch.nn import functional as F


class LabelLoss(Protocol):
    """The methods of a loss of a supervised head."""

    def losses(self, answers: Tensor, label: Tensor) -> Tensor:
        """Return the loss of each row, of shape (n_samples,)."""

    def divergences(self, reference: Tensor, answers: Tensor) -> Tensor:
        """Return how far answers are from reference answers, of shape (n_samples,)."""

    def deviation_of_mean(self, answers: Tensor, expected: Tensor) -> Tensor:
        """Return how far the mean of the answers to a batch is from that expected, a scalar."""


class CrossEntropy:
    """Cross-entropy of logits and probabilities of classes, in nats."""

    def losses(self, answers: Tensor, label: Tensor) -> Tensor:
        """Return the cross-entropy of each row."""
        return -(label * answers.log_softmax(dim=1)).sum(dim=1)

    def divergences(self, reference: Tensor, answers: Tensor) -> Tensor:
        """Return the Kullback-Leibler divergence of each row, in nats."""
        logs = answers.log_softmax(dim=1), reference.log_softmax(dim=1)
        return F.kl_div(*logs, reduction="none", log_target=True).sum(dim=1)

    def deviation_of_mean(self, answers: Tensor, expected: Tensor) -> Tensor:
        """Return the Kullback-Leibler divergence of mean probabilities from those expected."""
        found = answers.log_softmax(dim=1).logsumexp(dim=0) - math.log(len(answers))
        return (expected * (expected.log() - found)).sum()


class BrierScore:
    """Half the squared distance of predicted and given probabilities of classes (Brier, 1950)."""

    def losses(self, answers: Tensor, label: Tensor) -> Tensor:
        """Return half the squared distance of each row."""
        return 0.5 * (answers.softmax(dim=1) - label).square().sum(dim=1)

    def divergences(self, reference: Tensor, answers: Tensor) -> Tensor:
        """Return half the squared distance of the probabilities of each row."""
        return self.losses(answers, reference.softmax(dim=1))

    def deviation_of_mean(self, answers: Tensor, expected: Tensor) -> Tensor:
        """Return half the squared distance of mean probabilities from those expected."""
        return 0.5 * (answers.softmax(dim=1).mean(dim=0) - expected).square().sum()


class Deviation:
    """A mean over the numbers of a row of a function of their errors.

    Numbers are scaled to unit variance: half a squared error is minus the log-likelihood of
    normal noise, without its constant, as the cross-entropy is one of classes.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function

    def losses(self, answers: Tensor, label: Tensor) -> Tensor:
        """Return the mean of each row."""
        return self._function(answers, label, reduction="none").mean(dim=1)

    def divergences(self, reference: Tensor, answers: Tensor) -> Tensor:
        """Return half the mean squared distance of each row, which is smooth at zero.

        Beyond one, the standard deviation of the numbers, it grows linearly (Huber, 1964): squares
        of a few extreme rows would outweigh all others.
        """
        return F.smooth_l1_loss(answers, reference, reduction="none").mean(dim=1)

    def deviation_of_mean(self, answers: Tensor, expected: Tensor) -> Tensor:
        """Return half the mean squared distance of the means of a batch from those expected."""
        return 0.5 * (answers.mean(dim=0) - expected).square().mean()


def _half_square(answers: Tensor, label: Tensor, reduction: str) -> Tensor:
    return 0.5 * F.mse_loss(answers, label, reduction=reduction)


LABEL_LOSSES: dict[str, LabelLoss] = {
    "log_loss": CrossEntropy(),
    "brier": BrierScore(),
    "squared_error": Deviation(_half_square),
    "absolute_error": Deviation(F.l1_loss),
    "huber": Deviation(F.huber_loss),
}
