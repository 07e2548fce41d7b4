"""Adversarial autoencoders of the digits that several tests use."""

import pickle
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits

from skae import AdversarialAutoencoder
from skae.objectives._priors import PRIORS

DIGITS = np.random.default_rng(0).permutation(load_digits().data)
TRAIN, TEST = DIGITS[:300], DIGITS[1000:]
# Rows for the fits that come near to the prior.
MORE = DIGITS[:800]
SMALL = {"n_components": 3, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
SMALL["discriminator_layer_sizes"] = (8,)
MIDDLE = {"n_components": 4, "hidden_layer_sizes": (64,), "max_iter": 24, "random_state": 0}
MIDDLE["learning_rate_init"] = 6e-3


def fit(data=TRAIN, sample_weight=None, base=SMALL, **params):
    return AdversarialAutoencoder(**base | params).fit(data, sample_weight=sample_weight)


@cache
def blob_of(**params):
    return pickle.dumps(fit(**params))


def fitted(**params):
    """The fit of these parameters, trained once, as an estimator of the test's own."""
    return pickle.loads(blob_of(**params))


def draw(prior, n_components, n=20_000, seed=0):
    return PRIORS[prior](n_components)(n, torch.Generator().manual_seed(seed)).numpy()


def weights(module):
    return torch.cat([p.detach().ravel() for p in module.parameters()]).clone()


def discriminator(ae):
    return ae.net_.criterion_.code_term.discriminator


def state(ae):
    """All that training changes in a net, as arrays."""
    net = ae.net_
    moments = [
        value.clone()
        for one in net.optimizers()
        for s in one.state.values()
        for value in s.values()
    ]
    return [weights(net.module_), weights(discriminator(ae)), *moments, *net.generator_states()]
