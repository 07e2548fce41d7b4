"""Estimators fitted side by side and apart, and how they are compared."""

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skae import (
    AutoencoderTransformer,
)
from skae.estimators.base._lockstep import fit_in_lockstep

DIGITS = load_digits().data
WEIGHT = np.random.default_rng(0).uniform(0, 2, size=len(DIGITS))
N_ROWS = 200
SMALL = {"n_components": 3, "hidden_layer_sizes": (12,), "max_iter": 6}


def members_of(kind, n=3, **params):
    return [kind(**SMALL | params, random_state=seed) for seed in range(n)]


def rows_of(n, n_rows=N_ROWS):
    rng = np.random.default_rng(1)
    return [rng.choice(len(DIGITS), n_rows, replace=False) for _ in range(n)]


def both_ways(kind, X=DIGITS, weight=None, n=3, rows=None, **params):
    """The same estimators fitted together and apart."""
    together, apart = members_of(kind, n, **params), members_of(kind, n, **params)
    rows = rows_of(n) if rows is None else rows
    fit_in_lockstep(together, X, rows, weight)
    for one, mine in zip(apart, rows, strict=True):
        one.fit(X[mine], sample_weight=None if weight is None else weight[mine])
    return together, apart


def weights_of(ae):
    return {name: p.detach().numpy() for name, p in ae.net_.module_.state_dict().items()}


def assert_same(one, other, rtol=1e-5):
    """Equal weights, relative to the largest of their layer, and equal fitted attributes."""
    found, expected = weights_of(one), weights_of(other)
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        atol = rtol * max(np.abs(expected[name]).max(), 0.1)
        assert_allclose(found[name], expected[name], rtol=0, atol=atol, err_msg=name)
    public = {name for name in vars(other) if name.endswith("_") and not name.startswith("_")}
    assert public == {n for n in vars(one) if n.endswith("_") and not n.startswith("_")}
    assert (one.n_iter_, one.n_components_) == (other.n_iter_, other.n_components_)
    assert_array_equal(one.mean_, other.mean_)
    assert one.scale_ == other.scale_
    for name in ("loss_", "loss_curve_", "best_validation_loss_", "validation_loss_curve_"):
        if getattr(other, name) is None:
            assert getattr(one, name) is None
        else:
            assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, err_msg=name)
    states = zip(one.net_.generator_states(), other.net_.generator_states(), strict=True)
    assert all(torch.equal(*pair) for pair in states)


def fitted(n=3, **params):
    members = members_of(AutoencoderTransformer, n, init="random", **params)
    fit_in_lockstep(members, DIGITS, rows_of(n))
    return members
