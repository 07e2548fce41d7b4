"""A batch, from the rows to the objective and back."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

# The answer of an objective: scalars that add up to it, by name.
Parts = dict[str, Tensor]


def total(values: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors, of which there is at least one."""
    return sum(values)  # type: ignore[return-value]  # without any it would be the number 0


@dataclass(slots=True)
class Batch:
    """Rows that are trained on, or measured, at once; what is absent is None.

    Parameters
    ----------
    x : tensor of shape (..., n_samples, n_inputs)
        Scaled rows as the encoder sees them. A leading dimension is that of several nets.
    weight : tensor of shape (..., n_samples) or None, default=None
        Weights of the rows, with a mean of one over all rows that are trained on.
    observed : tensor of bool of the shape of `x`, or None, default=None
        The cells that are known; the others do not count.
    target : tensor of shape (..., n_samples, n_outputs) or None, default=None
        What the decoder should answer; None is `x` itself.
    """

    x: Tensor
    weight: Tensor | None = None
    observed: Tensor | None = None
    target: Tensor | None = None

    def __len__(self) -> int:
        return self.x.shape[-2]
