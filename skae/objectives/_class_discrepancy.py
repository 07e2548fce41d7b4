"""The discrepancy between the codes of each class and draws of a prior."""

import math

import torch
from torch import Generator, Tensor, nn

from ._wasserstein import kernel

# Strength of the penalty at the start. Each step changes its logarithm by the rate at most: up as
# long as the discrepancy, in nats, is above the one that is accepted, and down below it. Without
# the limit, rows of 784 features drove it so high that codes told nothing.
_START, _RATE, _ACCEPTED, _STRONGEST = 25.0, 0.003, 0.1, 1000.0


class ClassDiscrepancy(nn.Module):
    """Penalty on codes that tell the class, so that the decoder takes it from where it is given.

    It is the unbiased estimate of the squared maximum mean discrepancy between codes and draws of a
    standard normal prior, each with its class beside it (Louizos et al., 2016). How
    strong it has to be depends on how much a code gains by telling the class, which is much in wide
    rows with little noise; so the strength follows the discrepancy (Rezende and Viola, 2018).
    """

    log_strength: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log_strength", torch.tensor(math.log(_START)))

    def forward(self, codes: Tensor, classes: Tensor, generator: Generator) -> Tensor:
        """Return the penalty on codes that are drawn from the posterior, in nats for each row."""
        draws = torch.randn(
            codes.shape, generator=generator, dtype=codes.dtype, device=codes.device
        )
        pairs = (classes @ classes.T).fill_diagonal_(0.0)
        across = kernel(codes, draws)
        gaps = kernel(codes, codes) + kernel(draws, draws) - across - across.T
        # In this unit a class whose mean is off by d adds about d**2 / 2, its divergence in nats.
        discrepancy = 2 * codes.shape[1] * (pairs * gaps).sum() / pairs.sum().clamp(min=1.0)
        excess = (discrepancy.detach() / _ACCEPTED - 1).clamp(-1, 1)
        self.log_strength.add_(excess, alpha=_RATE).clamp_(max=math.log(_STRONGEST))
        return self.log_strength.exp() * discrepancy
