"""Priors for the codes of an autoencoder, of zero mean and unit variance."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

# Standard deviation of each component of the mixture; the spread of their means makes the rest of
# the unit variance.
_WITHIN = 0.3

_N_CLUSTERS, _N_CANDIDATES = 10, 1000


class NormalPrior(nn.Module):
    """The standard normal distribution."""

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components

    def forward(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw codes, of shape (n_samples, n_components), on the generator's device."""
        shape = n_samples, self.n_components
        return torch.randn(shape, generator=generator, device=generator.device)


class UniformPrior(NormalPrior):
    """The uniform distribution on a cube."""

    def forward(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw codes; see `NormalPrior.forward`."""
        shape = n_samples, self.n_components
        unit = torch.rand(shape, generator=generator, device=generator.device)
        return (2 * unit - 1) * math.sqrt(3)


class MixturePrior(NormalPrior):
    """Equally likely round normal distributions, far from each other."""

    means: Tensor

    def __init__(self, n_components: int) -> None:
        super().__init__(n_components)
        self.register_buffer("means", _spread_means(n_components), persistent=False)

    def forward(self, n_samples: int, generator: torch.Generator) -> Tensor:
        """Draw codes; see `NormalPrior.forward`."""
        device = generator.device
        chosen = torch.randint(len(self.means), (n_samples,), generator=generator, device=device)
        within = super().forward(n_samples, generator)
        return self.means.to(device)[chosen] + _WITHIN * within


def _spread_means(n_components: int) -> Tensor:
    """Choose points far from each other, each the farthest from those before."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(_N_CANDIDATES, n_components, generator=generator)
    chosen = points[:1]
    while len(chosen) < _N_CLUSTERS:
        farthest = torch.cdist(points, chosen).amin(dim=1).argmax()
        chosen = torch.cat([chosen, points[farthest : farthest + 1]])
    centered = chosen - chosen.mean(dim=0)
    spread = centered.square().mean(dim=0).sqrt()
    return centered / spread * math.sqrt(1 - _WITHIN**2)


PriorName = Literal["normal", "uniform", "mixture"]
PRIORS: dict[PriorName, type] = {
    "normal": NormalPrior,
    "uniform": UniformPrior,
    "mixture": MixturePrior,
}
