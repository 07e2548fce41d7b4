"""The maximum mean discrepancy between codes and draws of a prior."""

from typing import Any

from torch import Tensor, nn

from skae._batch import Parts, total
from skae._shared_batch import all_rows

from ._priors import NormalPrior
from ._random import RandomSource

# Widths of the kernel, as multiples of the squared distance of two draws of the prior: small ones
# compare details, large ones reach codes that are far away.
_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class PriorDiscrepancy(nn.Module):
    """Penalty on codes that are distributed unlike draws of a standard normal prior.

    It is the unbiased estimate of the squared maximum mean discrepancy with a sum of inverse
    multiquadratic kernels (Tolstikhin, Bousquet, Gelly and Schoelkopf, 2018), whose heavy tails
    also reach codes that are far from the prior. `strength` is its weight beside the
    reconstruction.
    """

    def __init__(self, n_components: int, strength: float) -> None:
        super().__init__()
        self.prior, self.strength = NormalPrior(n_components), strength
        self.random = RandomSource()

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return the codes and the penalty; see `ReconstructionObjective`."""
        codes = autoencoder.latent(h)
        of_all = all_rows(codes)
        # One row says nothing of a distribution.
        if len(of_all) == 1:
            return codes, {}
        draws = self.prior(len(of_all), self.random.generator_on(codes.device)).to(codes)
        share = codes.new_ones(len(of_all)) if weight is None else all_rows(weight)
        return codes, {"discrepancy": self.strength * _squared_mmd(of_all, share, draws)}


def _squared_mmd(codes: Tensor, weight: Tensor, draws: Tensor) -> Tensor:
    """Return the unbiased estimate between weighted codes and draws, of one number each."""
    share = weight / weight.sum()
    n = len(draws)
    among_codes = share @ (kernel(codes, codes).fill_diagonal_(0.0) @ share)
    among_draws = kernel(draws, draws).fill_diagonal_(0.0).sum() / (n * (n - 1))
    across = (share @ kernel(codes, draws)).mean()
    return among_codes / (1 - share.square().sum()) + among_draws - 2 * across


def kernel(one: Tensor, other: Tensor) -> Tensor:
    """Return the kernel of each pair of rows, of shape (n_one, n_other)."""
    squares = (
        one.square().sum(dim=1)[:, None] + other.square().sum(dim=1) - 2 * one @ other.T
    ).clamp(min=0.0)
    width = 2 * one.shape[1]
    return total([scale * width / (scale * width + squares) for scale in _SCALES]) / len(_SCALES)
