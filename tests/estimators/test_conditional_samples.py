"""Samples of a class: codes that are drawn like those of its training rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skae
from skae import AdversarialAutoencoder, VariationalAutoencoder

PARAMS = {"conditional": True, "hidden_layer_sizes": (32,), "max_iter": 30, "random_state": 0}


def customers(n_rows=500):
    """Customers, and who of them leaves: often those who came a short time ago."""
    rng = np.random.default_rng(0)
    leaves = rng.random(n_rows) < 0.3
    months = np.where(leaves, rng.gamma(2, 5, n_rows), rng.gamma(6, 8, n_rows))
    charge = np.where(leaves, 80, 55) + 12 * rng.normal(size=n_rows)
    calls = rng.poisson(np.where(leaves, 4, 1)).astype(float)
    return pd.DataFrame({"months": months, "charge": charge, "calls": calls}), leaves * 1


@pytest.fixture(scope="module")
def table():
    return customers()


@pytest.fixture(scope="module")
def fitted(table):
    return VariationalAutoencoder(2, **PARAMS).fit(*table)


def sums_of(model):
    return [np.asarray(one) for one in model._class_sums]


def error_of_means(drawn, real):
    return np.abs((np.mean(drawn, axis=0) - real.mean()) / real.std()).mean()


def test_means_of_a_class_are_nearer_than_with_codes_of_the_prior(fitted, table):
    X, y = table
    prior = np.random.default_rng(0).normal(size=(2000, 2))
    drawn = [error_of_means(fitted.sample(2000, 0, y=c), X[y == c]) for c in (0, 1)]
    control = [error_of_means(fitted.inverse_transform(prior, c), X[y == c]) for c in (0, 1)]
    assert np.mean(drawn) < 0.7 * np.mean(control)


def test_drawn_codes_are_like_those_of_the_class(fitted, table):
    X, y = table
    for c in (0, 1):
        mean, root = fitted._normal_of_class(c)
        codes = fitted.transform(X[y == c])
        assert_allclose(mean, codes.mean(axis=0), atol=0.02)
        # The posteriors' own variance comes on top.
        beyond = root @ root.T - np.cov(codes.T)
        assert (np.diag(beyond) > 0).all()
        assert_allclose(beyond[0, 1], 0, atol=0.02)


def test_codes_of_the_adversarial_autoencoder(table):
    """Its codes have no variance of their own; those of other priors are drawn from the prior."""
    X, y = table
    params = PARAMS | {"max_iter": 5, "adversarial_weight": 0.0}
    model = AdversarialAutoencoder(2, **params).fit(X, y)
    for c in (0, 1):
        codes, n_rows = model.transform(X[y == c]), (y == c).sum()
        mean, root = model._normal_of_class(c)
        weight = n_rows / (n_rows + 1)
        found = codes.mean(axis=0)
        assert_allclose(mean, weight * found, rtol=1e-4)
        second = weight * np.cov(codes.T, bias=True) + (1 - weight) * np.eye(2)
        second += weight * (1 - weight) * np.outer(found, found)
        assert_allclose(root @ root.T, second, rtol=1e-4, atol=1e-5)
    # The tested draws, against the control: those of the prior.
    drawn = [error_of_means(model.sample(2000, 0, y=c), X[y == c]) for c in (0, 1)]
    prior = np.random.default_rng(0).normal(size=(2000, 2))
    control = [error_of_means(model.inverse_transform(prior, c), X[y == c]) for c in (0, 1)]
    assert np.mean(drawn) < 0.7 * np.mean(control)
    assert AdversarialAutoencoder(2, prior="uniform", **params).fit(X, y)._class_sums is None


def test_one_row_of_a_class_is_not_drawn_again_and_again(table):
    X, y = table
    rare = np.where(np.arange(len(y)) == 7, 2, y)
    drawn = VariationalAutoencoder(2, **PARAMS).fit(X, rare).sample(200, 0, y=2)
    assert (drawn.std() > 0.2 * X.std()).all()


def test_chunks_and_weights_add_up(table):
    X, y = table
    model = VariationalAutoencoder(2, **PARAMS)
    model.partial_fit(X[:300], y[:300])
    first = sums_of(model)
    assert_allclose(first[0], np.bincount(y[:300]))
    model.partial_fit(X[300:], np.zeros(200, dtype=int))
    # No row of the second class has come since; the codes of the first one are of both chunks.
    assert_array_equal(sums_of(model)[1][1], first[1][1])
    assert_allclose(sums_of(model)[0], first[0] + [200, 0])
    half = VariationalAutoencoder(2, **PARAMS | {"max_iter": 2})
    half.fit(X, y, sample_weight=np.where(y, 2.0, 1.0))
    expected = np.bincount(y) * [1, 2] * len(y) / (len(y) + y.sum())
    assert_allclose(sums_of(half)[0], expected, rtol=1e-5)


def test_a_file_keeps_them(fitted, tmp_path):
    skae.save(fitted, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    pd.testing.assert_frame_equal(
        pd.DataFrame(loaded.sample(5, 0, y=1)), pd.DataFrame(fitted.sample(5, 0, y=1))
    )
