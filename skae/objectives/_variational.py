"""The evidence lower bound of a variational autoencoder, term by term."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import Batch, Parts
from skae._shared_batch import all_rows, draw_rows, mean_of_all

from ._class_discrepancy import ClassDiscrepancy
from ._class_prior import PriorOfRows
from ._objective import Head
from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._warm_up import WarmUp
from ._weight_penalty import WeightPenalty

# Share of each batch in the running estimate of the noise: it looks back about 20 batches.
NOISE_RATE = 0.05

# Least variance of noise that is learned, in units of the data's own: a constant feature or a
# code as wide as the data would otherwise make the likelihood infinite.
LEAST_NOISE = 1e-6


class PosteriorDraw(nn.Module):
    """Codes drawn from the posterior, and its divergence from the prior.

    The prior is standard normal, or that of the classes of a batch; see `ClassPrior`. The
    divergence is in nats per feature, as the reconstruction is. Its weight grows to `beta`
    (Higgins et al., 2017) in a share `kl_warm_up` of the steps. The divergence of each component,
    averaged over a batch, counts as at least `free_bits` nats (Kingma et al., 2016).
    """

    def __init__(
        self,
        n_features: int,
        beta: float,
        kl_warm_up: float,
        free_bits: float,
        class_discrepancy: ClassDiscrepancy | None = None,
    ) -> None:
        super().__init__()
        self.class_discrepancy = class_discrepancy
        # Of the batch that comes next, as `Batch.condition`.
        self.classes: Tensor | None = None
        # Of the batch that comes next; None is the standard normal one.
        self.prior: PriorOfRows | None = None
        self.n_features, self.beta, self.free_bits = n_features, beta, free_bits
        self.warm_up = WarmUp(kl_warm_up)
        self.random = RandomSource()

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return one draw for each row and the divergence; see `ReconstructionObjective`."""
        mean, log_variance = autoencoder.latent.posterior(h)
        generator = self.random.generator_on(h.device)
        how: dict[str, Any] = {"generator": generator, "dtype": h.dtype, "device": h.device}
        noise = draw_rows(torch.randn, mean.shape, **how)
        codes = torch.addcmul(mean, noise, (0.5 * log_variance).exp())
        # torch.distributions takes twice as long, and rounds differently.
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        prior, self.prior = self.prior, None
        if prior is not None:
            kl = kl + prior.beyond_standard(mean)
        if weight is not None:
            kl = kl * weight[:, None]
        if self.free_bits:
            kl = all_rows(kl).mean(dim=0).clamp(min=self.free_bits)
        else:
            kl = kl.mean(dim=0)
        parts = {"kl": self.warm_up(kl.sum(), self.beta, self.n_features)}
        if prior is not None:
            of_classes = prior.divergence if weight is None else prior.divergence * weight
            parts["class_kl"] = self.warm_up(of_classes.mean(), self.beta, self.n_features)
        classes, self.classes = self.classes, None
        if self.class_discrepancy is not None and self.training and classes is not None:
            discrepancy = self.class_discrepancy(all_rows(codes), all_rows(classes), generator)
            parts["class_discrepancy"] = discrepancy / self.n_features
        return codes, parts

    @property
    def sees_classes(self) -> bool:
        """Whether the term wants the classes of a batch."""
        return self.class_discrepancy is not None


class GaussianNoise(nn.Module):
    """Normal noise of one variance around the decoder's output, in the unit of scaled rows.

    A learned variance follows the mean squared error of the batches, which is its maximum
    likelihood estimate (Rybkin, Daniilidis and Levine, 2021). It lags behind, so call `settle` at
    the end.
    """

    variance: Tensor

    def __init__(self, variance: float, learned: bool) -> None:
        super().__init__()
        self.learned = learned
        variance = max(variance, LEAST_NOISE) if learned else variance
        self.register_buffer("variance", torch.tensor(variance))

    def follow(self, mean_squared_error: Tensor) -> None:
        """Move a learned variance towards the error of a batch that is trained on."""
        if self.learned and self.training:
            error = mean_of_all(mean_squared_error.detach())
            self.variance.lerp_(error.to(self.variance), NOISE_RATE)
            self.variance.clamp_(min=LEAST_NOISE)

    def settle(self, mean_squared_error: float) -> None:
        """Set a learned variance to the error of all rows."""
        if self.learned:
            self.variance.fill_(max(mean_squared_error, LEAST_NOISE))

    def negative_log_likelihood(self, squared_error: Tensor) -> Tensor:
        """Return it in nats per feature, for squared errors averaged over the features."""
        log_norm = 0.5 * (math.log(2 * math.pi) + self.variance.log())
        return squared_error * (0.5 / self.variance) + log_norm


class VariationalObjective(ReconstructionObjective):
    """Minus the evidence lower bound, in nats per feature (Kingma and Welling, 2014).

    With `noise` the likelihood is normal and the loss the squared error; without, the likelihood is
    Bernoulli and the loss the log loss. `draw` maps the encoder's outputs to codes.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        weight_penalty: WeightPenalty,
        draw: PosteriorDraw,
        noise: GaussianNoise | None,
    ) -> None:
        super().__init__(heads, weight_penalty, code_term=draw)
        self.noise = noise

    def reconstruction(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the negative log-likelihood of a batch; see `ReconstructionObjective`."""
        value = super().reconstruction(output, batch)
        if self.noise is None:
            return value
        self.noise.follow(value)
        return self.noise.negative_log_likelihood(value)

    def reconstruction_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return it and its gradient, which takes the place of the output."""
        value, gradient = super().reconstruction_and_gradient(output, batch)
        if self.noise is None:
            return value, gradient
        self.noise.follow(value)
        value = self.noise.negative_log_likelihood(value)
        return value, gradient.mul_(0.5 / self.noise.variance)

    def error(self, autoencoder: Any, batch: Batch, n_draws: int) -> Parts:
        """Return what `settle_noise` needs of a batch, averaged over draws of codes."""

        def repeat(values: Any) -> Any:
            return None if values is None else torch.cat([values] * n_draws)

        h = repeat(autoencoder.encoder(batch.x))
        repeated = Batch(**{one.name: repeat(getattr(batch, one.name)) for one in fields(batch)})
        codes, _ = self.through_latent(autoencoder, h, repeated.weight)
        return self._error_of(self.decoded(autoencoder, codes, repeated), repeated)

    def settle_noise(self, errors: dict[str, Any]) -> None:
        """Set a learned noise, given the means of `error` over all rows."""
        if self.noise is not None:
            self.noise.settle(errors["error"])

    def _error_of(self, output: Tensor, batch: Batch) -> Parts:
        """Return the plain loss of a batch, without the noise."""
        return {"error": super().reconstruction(output, batch)}

    def row_negative_log_likelihoods(self, output: Tensor, target: Tensor) -> Tensor:
        """Return those of rows in nats per feature, of shape (n_samples,)."""
        losses = self.row_losses(output, target)
        return losses if self.noise is None else self.noise.negative_log_likelihood(losses)
