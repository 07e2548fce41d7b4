"""The class with which a code is decoded best."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from skae._batch import beside


@torch.no_grad()
def best_classes(
    decode: Callable[[Tensor], Tensor],
    codes: Tensor,
    n_classes: int,
    losses: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the one-hot class with which each code is decoded at the least loss.

    `decode` takes codes with a class beside them, `losses` returns the loss of each row.
    """
    classes = torch.eye(n_classes, dtype=codes.dtype, device=codes.device)
    each = [losses(decode(beside(codes, one.expand(len(codes), -1)))) for one in classes]
    return F.one_hot(torch.stack(each).argmin(dim=0), n_classes).to(codes)
