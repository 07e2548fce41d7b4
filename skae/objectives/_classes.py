"""The classes of rows, of which some are not known."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from skae._batch import beside


@torch.no_grad()
def completed_classes(
    decode: Callable[[Tensor], Tensor],
    codes: Tensor,
    given: Tensor,
    n_classes: int,
    losses: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return one-hot classes, of shape (n_samples, n_classes): the given ones, or the best.

    `given` has a last column more if some classes are not known: it is one in their rows. The best
    class of a row is that with which its code is decoded at the least loss. `decode` takes codes
    with a class beside them, `losses` returns the loss of each row.
    """
    if given.shape[1] == n_classes:
        return given
    each = losses_by_class(decode, codes, n_classes, losses)
    best = F.one_hot(each.argmin(dim=0), n_classes).to(codes)
    return given[:, :-1] + given[:, -1:] * best


def losses_by_class(
    decode: Callable[[Tensor], Tensor],
    codes: Tensor,
    n_classes: int,
    losses: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the losses of rows decoded as each of the classes, of shape (n_classes, n_samples)."""
    classes = torch.eye(n_classes, dtype=codes.dtype, device=codes.device)
    return torch.stack(
        [losses(decode(beside(codes, one.expand(len(codes), -1)))) for one in classes]
    )
