"""Rows, fits and the posterior by other means, for the tests of the variational autoencoder."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from skae import VariationalAutoencoder

DIGITS = np.random.default_rng(0).permutation(load_digits().data)
TRAIN, TEST = DIGITS[:1000], DIGITS[1000:]
# Rows for fits of which only the behaviour counts.
FEW = TRAIN[:300]
BINARY = (DIGITS > 7).astype(float)
SMALL = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
MIDDLE = {"n_components": 10, "hidden_layer_sizes": (64,), "max_iter": 20, "random_state": 0}
GAUSSIAN = {"data": FEW, "loss": "squared_error"}
BERNOULLI = {"data": BINARY[:300], "loss": "log_loss"}


def fit(data=TRAIN, sample_weight=None, base=SMALL, **params):
    return VariationalAutoencoder(**base | params).fit(data, sample_weight=sample_weight)


def trained_posterior(vae, X):
    """The posterior of each row, from the outputs of the encoder."""
    x = torch.as_tensor((X - vae.mean_) / vae.scale_)
    with torch.no_grad():
        h = vae.net_.module_.encoder(x.to(next(vae.net_.module_.parameters()).dtype)).double()
    k = vae.n_components_
    return Normal(h[:, :k], (h[:, k:] / 2).exp())


def posterior(vae, X):
    """The same in the scale in which codes leave."""
    q, module = trained_posterior(vae, X), vae.net_.module_
    return Normal((q.mean - module.code_mean) / module.code_scale, q.stddev / module.code_scale)


def prior_of(q):
    return Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))


def divergence(vae, X):
    """Mean divergence of each component in nats."""
    q = posterior(vae, X)
    return kl_divergence(q, prior_of(q)).mean(dim=0).numpy()


def likelihood(vae, X, codes):
    """The log-likelihood of rows given codes, through the public face only."""
    decoded = torch.as_tensor(vae.inverse_transform(codes.numpy()))
    if vae.noise_variance_ is None:
        return Independent(Bernoulli(decoded.clamp(1e-12, 1 - 1e-7)), 1).log_prob(torch.tensor(X))
    return Independent(Normal(decoded, vae.noise_variance_**0.5), 1).log_prob(torch.tensor(X))
