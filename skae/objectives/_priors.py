"""Distributions that the codes of an autoencoder are brought to: zero mean, unit variance."""

import math

import torch
from torch import nn

# Deviation of each component of the mixture; their means take what is missing to one.
_WITHIN = 0.3

_CANDIDATES = 1000


class NormalPrior(nn.Module):
    """The standard normal distribution.

    Parameters
    ----------
    n_components : int
        Width of the code.
    """

    def __init__(self, n_components):
        super().__init__()
        self.n_components = n_components

    def forward(self, n_samples, generator):
        """Draw codes.

        Parameters
        ----------
        n_samples : int
            How many.
        generator : torch.Generator
            Where from; codes are on its device.

        Returns
        -------
        codes : tensor of shape (n_samples, n_components)
        """
        shape = n_samples, self.n_components
        return torch.randn(shape, generator=generator, device=generator.device)


class UniformPrior(NormalPrior):
    """The uniform distribution on a cube."""

    def forward(self, n_samples, generator):
        """Draw codes; see `NormalPrior.forward`."""
        shape = n_samples, self.n_components
        unit = torch.rand(shape, generator=generator, device=generator.device)
        return (2 * unit - 1) * math.sqrt(3)


class MixturePrior(NormalPrior):
    """Equally likely round normal distributions, far from each other.

    Parameters
    ----------
    n_components : int
        Width of the code.
    n_clusters : int, default=10
        How many of them.
    """

    def __init__(self, n_components, n_clusters=10):
        super().__init__(n_components)
        self.register_buffer("means", _spread_means(n_components, n_clusters), persistent=False)

    def forward(self, n_samples, generator):
        """Draw codes; see `NormalPrior.forward`."""
        device = generator.device
        chosen = torch.randint(len(self.means), (n_samples,), generator=generator, device=device)
        within = super().forward(n_samples, generator)
        return self.means.to(device)[chosen] + _WITHIN * within


def _spread_means(n_components, n_clusters):
    """Choose points far from each other, each the farthest from those before."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(_CANDIDATES, n_components, generator=generator)
    chosen = points[:1]
    while len(chosen) < n_clusters:
        farthest = torch.cdist(points, chosen).amin(dim=1).argmax()
        chosen = torch.cat([chosen, points[farthest : farthest + 1]])
    centered = chosen - chosen.mean(dim=0)
    spread = centered.square().mean(dim=0).sqrt()
    return centered / spread * math.sqrt(1 - _WITHIN**2)


PRIORS = {"normal": NormalPrior, "uniform": UniformPrior, "mixture": MixturePrior}
