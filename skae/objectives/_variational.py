"""The evidence lower bound of a variational autoencoder, term by term."""

import math

import torch
from torch import nn

from ._random import RandomSource
from ._reconstruction import ReconstructionObjective
from ._warm_up import WarmUp

# Share of each batch in the running estimate of the noise: it looks back about 20 batches.
_RATE = 0.05

# Least variance of noise that is learned, in units of the data's own: a constant feature or a
# code as wide as the data would otherwise make the likelihood infinite.
LEAST_NOISE = 1e-6


class PosteriorDraw(nn.Module):
    """Draws codes from the posterior and charges its divergence from a standard normal prior.

    The divergence is counted in nats per feature, as the reconstruction is.

    Parameters
    ----------
    n_features : int
        Width of the rows.
    beta : float
        Weight of the divergence (Higgins et al., 2017).
    kl_warm_up : float
        Share of the steps in which that weight grows to `beta`, in [0, 1].
    free_bits : float
        Divergence of each component, averaged over a batch, below which no less is charged, in
        nats (Kingma et al., 2016).
    """

    def __init__(self, n_features, beta, kl_warm_up, free_bits):
        super().__init__()
        self.n_features, self.beta, self.free_bits = n_features, beta, free_bits
        self.warm_up = WarmUp(kl_warm_up)
        self.random = RandomSource()

    def forward(self, autoencoder, h, sample_weight):
        """Return one draw for each row and the divergence; see `ReconstructionObjective`."""
        mean, log_variance = autoencoder.latent.posterior(h)
        generator = self.random.on(h.device)
        noise = torch.randn(mean.shape, generator=generator, dtype=h.dtype, device=h.device)
        codes = torch.addcmul(mean, noise, (0.5 * log_variance).exp())
        kl = kl_from_standard_normal(mean, log_variance)
        if sample_weight is not None:
            kl = kl * sample_weight[:, None]
        kl = kl.mean(dim=0)
        if self.free_bits:
            kl = kl.clamp(min=self.free_bits)
        return codes, {"kl": kl.sum() * (self.beta * self.warm_up() / self.n_features)}


def kl_from_standard_normal(mean, log_variance):
    """Return the divergence of each normal from the standard one, elementwise, in nats.

    Parameters
    ----------
    mean, log_variance : tensor
        Of the normals.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


class GaussianNoise(nn.Module):
    """Normal noise of one variance around what the decoder gives.

    A learned variance follows the mean squared error of the batches, which is the one that makes
    them most likely (Rybkin, Daniilidis and Levine, 2021). It lags behind, so that `settle` is
    to be called in the end.

    Parameters
    ----------
    variance : float
        Variance in the unit of the scaled rows, the first one if it is learned.
    learned : bool
        Whether it follows the errors.
    """

    def __init__(self, variance, learned):
        super().__init__()
        self.learned = learned
        variance = max(variance, LEAST_NOISE) if learned else variance
        self.register_buffer("variance", torch.tensor(variance))

    def follow(self, mean_squared_error):
        """Take the error of a batch that is trained on."""
        if self.learned and self.training:
            self.variance.lerp_(mean_squared_error.detach().to(self.variance), _RATE)
            self.variance.clamp_(min=LEAST_NOISE)

    def settle(self, mean_squared_error):
        """Take the error of all rows, a float."""
        if self.learned:
            self.variance.fill_(max(mean_squared_error, LEAST_NOISE))

    def negative_log_likelihood(self, squared_error):
        """Return it in nats per feature, for squared errors averaged over the features."""
        log_norm = 0.5 * (math.log(2 * math.pi) + self.variance.log())
        return squared_error * (0.5 / self.variance) + log_norm


class VariationalObjective(ReconstructionObjective):
    """Minus the evidence lower bound, in nats per feature (Kingma and Welling, 2014).

    Parameters
    ----------
    loss : Loss
        Squared error for a normal likelihood, log loss for a Bernoulli one.
    weight_penalty : WeightPenalty
        The penalty on the weights.
    draw : PosteriorDraw
        The way from the encoder to the decoder.
    noise : GaussianNoise or None
        What makes a likelihood of the squared error; None for the log loss, which is one.
    """

    def __init__(self, loss, weight_penalty, draw, noise):
        super().__init__(loss, weight_penalty, code_term=draw)
        self.noise = noise

    def reconstruction(self, output, x, sample_weight):
        """Return the negative log-likelihood of a batch; see `ReconstructionObjective`."""
        value = super().reconstruction(output, x, sample_weight)
        return value if self.noise is None else self._likelihood(value)

    def reconstruction_and_gradient(self, output, x, sample_weight):
        """Return it and its gradient, which takes the place of the output."""
        value, gradient = super().reconstruction_and_gradient(output, x, sample_weight)
        if self.noise is None:
            return value, gradient
        value = self._likelihood(value)
        return value, gradient.mul_(0.5 / self.noise.variance)

    def _likelihood(self, value):
        self.noise.follow(value)
        return self.noise.negative_log_likelihood(value)

    def error(self, autoencoder, x, sample_weight, n_draws):
        """Return the loss of a batch that the noise makes a likelihood of, over draws of codes."""
        h = autoencoder.encoder(x).repeat(n_draws, 1)
        x = x.repeat(n_draws, 1)
        if sample_weight is not None:
            sample_weight = sample_weight.repeat(n_draws)
        codes, _ = self.through_latent(autoencoder, h, sample_weight)
        return super().reconstruction(autoencoder.decoder(codes), x, sample_weight)

    def row_negative_log_likelihoods(self, output, x):
        """Return those of rows in nats per feature, a tensor of shape (n_samples,)."""
        losses = self.row_losses(output, x)
        return losses if self.noise is None else self.noise.negative_log_likelihood(losses)
