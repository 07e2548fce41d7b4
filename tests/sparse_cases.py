"""Sparse autoencoders of the digits that several tests use."""

import pickle
from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from skae import SparseAutoencoder

DIGITS = np.random.default_rng(0).permutation(load_digits().data).astype(np.float32)
TRAIN, TEST = DIGITS[:600], DIGITS[1300:]
SMALL = {"n_components": 24, "n_nonzero_coefs": 5, "max_iter": 4, "random_state": 0}
PENALTIES = ["top_k", "batch_top_k", "l1", "kl"]
VARIANCE = np.square(TEST - TRAIN.mean(axis=0)).mean()


def error_of(ae, X=TEST):
    return -ae.score(X) / VARIANCE


@cache
def fitted(penalty="top_k", max_iter=25, **params):
    """A longer fit, not to be changed."""
    ae = SparseAutoencoder(penalty=penalty, max_iter=max_iter, random_state=0, **params)
    return ae.fit(TRAIN)


@cache
def small_blob(penalty="top_k"):
    """A pickle of a short fit, from which each test gets one of its own."""
    return pickle.dumps(SparseAutoencoder(penalty=penalty, **SMALL).fit(TRAIN))


def small(penalty="top_k"):
    return pickle.loads(small_blob(penalty))


def n_active(codes):
    return np.count_nonzero(codes, axis=1)
