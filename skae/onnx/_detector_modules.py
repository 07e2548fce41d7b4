"""What a fitted outlier detector does with raw rows, as one torch module to export."""

import numpy as np
import torch
from torch import nn

from skae.detection import (
    _WEIGHT_OF_CENTER,
    LikelihoodScore,
    MahalanobisScore,
    MixtureScore,
    ReconstructionScore,
)

from ._autoencoder_modules import module_of

# Share of itself by which rounding may change how unusual a row is.
_ROUNDING = 1e-6


class DetectorModule(nn.Module):
    """A fitted detector from rows in the unit of the data to codes, rows and scores.

    Parameters
    ----------
    detector : AutoencoderOutlierDetector
        Fitted. Its members are copied, and stay as they are.
    single : bool, default=False
        See `AutoencoderModule`.
    """

    def __init__(self, detector, single=False):
        super().__init__()
        scaling = detector._scaling
        self.register_buffer("scale", torch.tensor(scaling.scale))
        # Infinite where cells may lie as far outside as they do.
        self.register_buffer("low", torch.tensor(scaling._low))
        self.register_buffer("high", torch.tensor(scaling._high))
        self.members = nn.ModuleList(module_of(one, single) for one in detector.estimators_)
        scores = [_SCORES[type(score)](score) for score in detector._scores]
        self.scores = nn.ModuleList(scores)
        self.calibration = _Calibration(detector._calibration)

    def codes(self, X):
        """Return the codes of all members, side by side, in the dtype of the rows."""
        Z = self._standardized(X)
        return torch.cat([member.codes(Z) for member in self.members], dim=1)

    def reconstruction(self, X):
        """Return what the members make of rows, on average."""
        Z = self._standardized(X)
        rows = torch.stack([member.reconstruction(Z) for member in self.members])
        return rows.mean(dim=0) * self.scale.to(X.dtype)

    def score(self, X):
        """Return how ordinary rows are, in float64."""
        return -self._unusual(X).mean(dim=0)

    def p_value(self, X):
        """Return how often an ordinary row would be at least as unusual, in float64."""
        return self.calibration(self._unusual(X))

    def _unusual(self, X):
        """Return how unusual rows are to each member, of shape (n_members, n_samples)."""
        Z = self._standardized(X)
        pairs = zip(self.scores, self.members, strict=True)
        return torch.stack([score(member, Z) for score, member in pairs])

    def _standardized(self, X):
        Z = X.double() / self.scale
        return torch.minimum(torch.maximum(Z, self.low), self.high).to(X.dtype)


class _Calibration(nn.Module):
    """P-values of rows, by how unusual held-out rows are.

    A held-out row that is less unusual by nothing but rounding counts as one that is as unusual.

    Parameters
    ----------
    calibration : Calibration
        What the detector knows of held-out rows.
    """

    def __init__(self, calibration):
        super().__init__()
        self.groups = nn.ModuleList(_HeldOut(*group) for group in calibration._groups)
        self.n_rows = len(calibration)

    def forward(self, unusual):
        """Return a tensor of shape (n_samples,) for one of shape (n_members, n_samples)."""
        at_least = torch.stack([group(unusual) for group in self.groups]).sum(dim=0)
        total = sum(group.above[0] for group in self.groups)
        return (1 + self.n_rows * at_least / total) / (1 + self.n_rows)


class _HeldOut(nn.Module):
    """Held-out rows that the same members have not seen."""

    def __init__(self, members, unusual, above):
        super().__init__()
        self.n_levels = len(unusual).bit_length()
        self.register_buffer("members", torch.tensor(np.asarray(members)))
        # As long as a search by halves wants it.
        missing = 2**self.n_levels - 1 - len(unusual)
        self.register_buffer("unusual", torch.tensor(np.r_[unusual, np.full(missing, np.inf)]))
        self.register_buffer("above", torch.tensor(np.asarray(above)))

    def forward(self, unusual):
        """Return the total weight of the held-out rows that are at least as unusual as each row."""
        unusual = unusual[self.members].mean(dim=0)
        least = unusual - _ROUNDING * unusual.abs()
        # ONNX has no searchsorted.
        below = torch.zeros_like(unusual, dtype=torch.int64)
        for level in reversed(range(self.n_levels)):
            further = below + 2**level
            below = torch.where(self.unusual[further - 1] < least, further, below)
        return self.above[below]


class _Reconstruction(nn.Module):
    """How unusual rows are by their standardised residuals."""

    def __init__(self, score):
        super().__init__()
        self.register_buffer("residual_scale", torch.tensor(score.residual_scale_))

    def forward(self, member, Z):
        """Return how unusual rows are to a member."""
        residual, _ = _residual_and_codes(member, Z)
        return (residual / self.residual_scale).square().mean(dim=1)


class _Likelihood(nn.Module):
    """How unusual rows are by their log-likelihood."""

    def __init__(self, score):
        super().__init__()

    def forward(self, member, Z):
        """Return how unusual rows are to a member."""
        return -member.score(Z)


class _Distance(nn.Module):
    """How unusual rows are by the distance of residual and code from Gaussians."""

    def __init__(self, score):
        super().__init__()
        gaussians = score._gaussians
        self.register_buffer("unit", torch.tensor(gaussians.unit_))
        self.center = _Gaussians([gaussians.all_])
        self.partitions = nn.ModuleList(map(_Gaussians, gaussians.partitions_))

    def forward(self, member, Z):
        """Return how unusual rows are to a member."""
        values = torch.cat(_residual_and_codes(member, Z), dim=1) / self.unit
        from_center = self.center(values)
        if not self.partitions:
            return from_center
        from_kind = torch.stack([kinds(values) for kinds in self.partitions]).mean(dim=0)
        return (_WEIGHT_OF_CENTER * from_center + from_kind) / (_WEIGHT_OF_CENTER + 1)


class _Gaussians(nn.Module):
    """Half the squared distance from the nearest of some Gaussians, with its penalty."""

    def __init__(self, gaussians):
        super().__init__()
        center = np.stack([one.center for one in gaussians])
        whitening = np.stack([one.whitening.T for one in gaussians])
        penalty = np.array([one.penalty for one in gaussians])
        self.register_buffer("center", torch.tensor(center[:, None]))
        self.register_buffer("whitening", torch.tensor(whitening))
        self.register_buffer("penalty", torch.tensor(penalty[:, None]))

    def forward(self, values):
        """Return a tensor of shape (n_samples,)."""
        white = torch.bmm(values - self.center, self.whitening)
        return (white.square().sum(dim=2) / 2 + self.penalty).amin(dim=0)


def _residual_and_codes(member, Z):
    codes = member.codes(Z)
    return Z.double() - member.rows(codes).double(), codes.double()


_SCORES = {
    MixtureScore: _Distance,
    MahalanobisScore: _Distance,
    ReconstructionScore: _Reconstruction,
    LikelihoodScore: _Likelihood,
}
