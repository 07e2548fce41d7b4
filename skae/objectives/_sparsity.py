"""What makes codes sparse, or keeps all units of a sparse code alive."""

import torch
from torch import nn
from torch.nn import functional as F

from ._reconstruction import ReconstructionObjective
from ._warm_up import WarmUp

# Share of the steps over which the L1 penalty grows: units that it silences at the start, before
# they stand for anything, would never be heard of again.
_L1_WARM_UP = 0.05


class L1Sparsity(nn.Module):
    """``strength * sum_j |h_j| * ||d_j||``, with d_j what unit j writes into the decoder.

    Without the norms, codes would shrink and the decoder would grow instead.

    Parameters
    ----------
    strength : float
        Factor of the mean over the rows.
    """

    def __init__(self, strength):
        super().__init__()
        self.strength = strength
        self.warm_up = WarmUp(_L1_WARM_UP)

    def forward(self, autoencoder, h, sample_weight):
        """Return the codes and the penalty; see :class:`ReconstructionObjective`."""
        codes = autoencoder.latent(h)
        norms = torch.linalg.vector_norm(autoencoder.dictionary, dim=0)
        rows = codes @ norms
        if sample_weight is not None:
            rows = rows * sample_weight
        return codes, {"sparsity": self.strength * self.warm_up() * rows.mean()}


class KLSparsity(nn.Module):
    """``strength * sum_j KL(rho || rho_j)``, with rho_j the mean activation of unit j.

    Activations are shares, and so are their means over a batch (Ng, 2011).

    Parameters
    ----------
    strength : float
        Factor of the sum.
    target : float
        The mean activation rho that is wanted, in (0, 1).
    """

    def __init__(self, strength, target):
        super().__init__()
        self.strength = strength
        self.target = target

    def forward(self, autoencoder, h, sample_weight):
        """Return the codes and the penalty; see :class:`ReconstructionObjective`."""
        codes = autoencoder.latent(h)
        if sample_weight is None:
            mean = codes.mean(dim=0)
        else:
            mean = sample_weight @ codes / sample_weight.sum()
        return codes, {"sparsity": self.penalty(mean, len(h))}

    def penalty(self, mean, n_rows):
        """Return what the mean activations of a batch are charged.

        Parameters
        ----------
        mean : tensor of shape (n_components,)
            Mean of each unit.
        n_rows : int
            Rows of the batch.
        """
        rho = self.target
        # A unit that rounding has put at an end has no logarithm there.
        eps = torch.finfo(mean.dtype).eps
        mean = mean.clamp(eps, 1 - eps)
        divergence = rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()
        return self.strength * divergence.sum()


# Doublings after which a missed turn changes nothing any more: the weakest units are heard then.
_LOUDEST = 10


class TakingTurns(nn.Module):
    """Top-k codes in whose choice a unit counts the more, the longer it was not chosen.

    Units of a top-k code that are never chosen get no gradient and stay dead. Here a unit that
    was not chosen for as long as it takes all units to have a turn doubles its voice with each
    further turn that it misses, until it is chosen on some row and learns from it (the
    conscience of DeSieno, 1988). Its value is not changed, nor how many are chosen.
    What is measured is measured without.

    Parameters
    ----------
    n_components : int
        Units of the code.
    """

    def __init__(self, n_components):
        super().__init__()
        self.register_buffer("turns_missed", torch.zeros(n_components))

    def forward(self, autoencoder, h, sample_weight):
        """Return the codes, and no penalty; see :class:`ReconstructionObjective`."""
        latent = autoencoder.latent
        if not self.training:
            return latent(h), {}
        voice = torch.exp2((self.turns_missed - 1).clamp(0, _LOUDEST))
        codes = latent(h, voice.to(h))
        chosen = codes.detach().any(dim=0)
        # At most one for a batch, even if each unit could have had several turns in it.
        self.turns_missed.add_(min(1.0, len(h) * latent.k / h.shape[1])).mul_(~chosen)
        return codes, {}


class UnitColumnsObjective(ReconstructionObjective):
    """The same objective under a constraint: columns of unit norm in the dictionary.

    The values of a top-k code then say how much each unit writes, and can be compared.
    """

    @torch.no_grad()
    def after_step(self, autoencoder, optimizer):
        """Go back to unit norm; see :meth:`Objective.after_step`."""
        super().after_step(autoencoder, optimizer)
        dictionary = autoencoder.dictionary
        if dictionary is not None:
            dictionary.copy_(F.normalize(dictionary, dim=0))
