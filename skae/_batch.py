"""A batch, from the rows to the objective and back."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

# The parts of an objective by name: scalars that add up to it.
Parts = dict[str, Tensor]


def total(values: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors, of which there is at least one."""
    return sum(values)  # type: ignore[return-value]  # without any it would be the number 0


@dataclass(slots=True)
class Batch:
    """Rows of one step, or of one measurement; a field that is absent is None.

    A leading dimension counts nets that take their steps as one.
    """

    # Scaled rows as the encoder sees them, of shape (..., n_samples, n_inputs).
    x: Tensor
    # Weights of the rows, of shape (..., n_samples), with a mean of one over all training rows.
    weight: Tensor | None = None
    # True where a cell is known, of the shape of `x`; other cells do not count.
    observed: Tensor | None = None
    # The values that the decoder should give, of shape (..., n_samples, n_outputs); None is `x`.
    target: Tensor | None = None
    # Labels for a supervised head, of shape (n_samples, n_answers): probabilities of classes, or
    # scaled numbers. Rows without a label have the weight zero.
    label: Tensor | None = None
    # Weights of the labels, of shape (n_samples,).
    label_weight: Tensor | None = None
    # True for labels that were given, of shape (n_samples,); other labels are guesses or absent.
    label_given: Tensor | None = None
    # The classes that the decoder sees beside codes, one-hot, of shape (n_samples, n_classes).
    condition: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[-2]

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All fields, in their order."""
        return (
            self.x,
            self.weight,
            self.observed,
            self.target,
            self.label,
            self.label_weight,
            self.label_given,
            self.condition,
        )

    @property
    def expected(self) -> Tensor:
        """The values that the decoder should give."""
        return self.x if self.target is None else self.target


def beside(codes: Tensor, condition: Tensor | None) -> Tensor:
    """Return codes with the columns of a condition beside them, if there is one."""
    return codes if condition is None else torch.cat([codes, condition.to(codes)], dim=1)
