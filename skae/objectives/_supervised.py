"""The objective of an autoencoder with a supervised head."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from skae._batch import Batch, Parts

from ._class_prior import ClassPrior
from ._label_losses import LabelLoss
from ._objective import Objective
from ._virtual_adversary import VirtualAdversary


class SupervisedObjective(Objective):
    """Loss of the labels, plus the autoencoder's own objective, plus a consistency term.

    The loss of the labels counts `weight`, the parts of the autoencoder's `own` objective
    `own_weight`; at zero they are not computed. The consistency term counts `consistency_weight`.
    Measurements are of the labels alone: they are what held-out rows judge by.

    The consistency term alone would be zero if all rows were answered alike. Where `expected` is
    given, the answers to a batch are held at this mean, with the same weight.

    A `class_prior` is that of the codes of an own `VariationalObjective`.
    """

    expected: Tensor | None

    def __init__(
        self,
        own: Objective,
        loss: LabelLoss,
        weight: float,
        own_weight: float,
        consistency: VirtualAdversary | None,
        consistency_weight: float,
        expected: Tensor | None,
        class_prior: ClassPrior | None = None,
    ) -> None:
        super().__init__(own.heads, own.weight_penalty)
        self.own, self.loss, self.consistency = own, loss, consistency
        self.weight, self.own_weight = weight, own_weight
        self.consistency_weight = consistency_weight
        self.class_prior = class_prior
        self.register_buffer("expected", expected)

    @property
    def code_term(self) -> Any:
        """The term on the codes of the autoencoder's own objective, as adversarial nets ask."""
        return getattr(self.own, "code_term", None)

    def forward(self, autoencoder: Any, batch: Batch) -> Parts:
        """Return the parts of the objective on a batch of a `SupervisedAutoencoder`."""
        assert batch.label is not None
        assert batch.label_weight is not None
        answers = autoencoder.answer(batch.x)
        losses = self.loss.losses(answers, batch.label)
        loss = (losses * batch.label_weight).mean()
        if not self.training:
            return {"supervised": loss}
        parts: Parts = {"supervised": self.weight * loss}
        if self.own_weight:
            if self.class_prior is not None:
                self.code_term.prior = self.class_prior.of(batch, answers)
            own = self.own(autoencoder, batch)
            parts |= {name: self.own_weight * value for name, value in own.items()}
        if self.consistency is not None:
            penalty: Tensor = self.consistency(autoencoder, batch.x)
            parts["consistency"] = self.consistency_weight * penalty
            if self.expected is not None:
                deviation = self.loss.deviation_of_mean(answers, self.expected)
                parts["mean"] = self.consistency_weight * deviation
        return parts

    def after_step(self, autoencoder: Any, optimizer: Optimizer) -> None:
        """Do what follows each step in the autoencoder's own objective."""
        self.own.after_step(autoencoder, optimizer)

    def settle(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Estimate what the autoencoder's own objective estimates."""
        self.own.settle(autoencoder, batches)
