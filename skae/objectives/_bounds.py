"""Lower bounds of the log-likelihood that a variational autoencoder gives to rows.

Rows `x` are scaled, and bounds are in nats for rows in that unit. The autoencoder has a
`GaussianLatent`.
"""

import math
from typing import Any

import torch
from torch import Tensor

from skae._exact_dtype import exact_dtype

from ._variational import VariationalObjective


def balanced_draws(n_draws: int, n_components: int) -> Tensor:
    """Return standard normal draws whose mean and covariance match the distribution's.

    All rows have the same draws, so that a row scores the same alone and in a table. Errors of the
    draws would then not cancel over the rows. Each draw therefore comes with its opposite, and the
    draws are orthogonal. If there are enough of them, their covariance is the identity, which makes
    terms that are quadratic in the codes exact; if not, each has the mean length of all.
    """
    generator = torch.Generator().manual_seed(0)
    n_pairs = -(-n_draws // 2)
    longer, shorter = max(n_pairs, n_components), min(n_pairs, n_components)
    half = torch.randn(longer, shorter, generator=generator, dtype=torch.float64)
    half = torch.linalg.qr(half).Q * math.sqrt(longer)
    if n_pairs < n_components:
        half = half.t()
    return torch.cat([half, -half])[:n_draws]


def evidence_lower_bound(
    objective: VariationalObjective, autoencoder: Any, x: Tensor, draws: Tensor
) -> Tensor:
    """Return the evidence lower bound of each row, averaged over draws that all rows share."""
    return _log_weights(objective, autoencoder, x, draws).mean(dim=0)


def importance_weighted_bound(
    objective: VariationalObjective, autoencoder: Any, x: Tensor, draws: Tensor
) -> Tensor:
    """Return the importance-weighted bound of each row (Burda et al., 2016).

    It is the evidence lower bound for one draw, above it for more, and nears the log-likelihood
    with their number.
    """
    log_weights = _log_weights(objective, autoencoder, x, draws)
    return log_weights.logsumexp(dim=0) - math.log(len(draws))


def posterior_of(autoencoder: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and log-variances of the codes of rows, in the scale in which codes leave."""
    # That is the scale of the prior.
    mean, log_variance = autoencoder.latent.posterior(autoencoder.encoder(x))
    mean = (mean - autoencoder.code_mean) / autoencoder.code_scale
    return mean, log_variance - 2 * autoencoder.code_scale.log()


def log_weight(
    objective: VariationalObjective,
    autoencoder: Any,
    x: Tensor,
    mean: Tensor,
    log_variance: Tensor,
    noise: Tensor,
) -> Tensor:
    """Return the log-density of rows with one code each, over that of the code in the posterior.

    `mean` and `log_variance` are those of `posterior_of`; `noise` is the standard normal numbers
    that make the codes, of shape (n_components,) or (n_samples, n_components).
    """
    codes = mean + noise * (0.5 * log_variance).exp()
    output = autoencoder.decode(codes)
    losses = objective.row_negative_log_likelihoods(output, x)
    # Constants of the two densities of the code cancel.
    ratio = 0.5 * (noise.square() + log_variance - codes.square()).sum(dim=1)
    return losses.to(exact_dtype(x.device)) * -x.shape[1] + ratio


def _log_weights(
    objective: VariationalObjective, autoencoder: Any, x: Tensor, draws: Tensor
) -> Tensor:
    """Return the log-weights, of shape (n_draws, n_samples)."""
    mean, log_variance = posterior_of(autoencoder, x)
    return torch.stack(
        [
            log_weight(objective, autoencoder, x, mean, log_variance, noise)
            for noise in draws.to(mean)
        ]
    )
