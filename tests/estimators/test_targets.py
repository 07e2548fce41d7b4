"""Codes reach the targets of their objective, however few the rows and steps are."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import skae
from skae import AdversarialAutoencoder, SparseAutoencoder

DIGITS = load_digits().data
SMALL = {"hidden_layer_sizes": (32,), "random_state": 0}


def table(n):
    """Correlated columns of several kinds of rows."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(4, 12)) * 2
    return centers[rng.integers(4, size=n)] + rng.normal(size=(n, 5)) @ rng.normal(size=(5, 12))


TABLES = {"digits": DIGITS[:1000], "table": table(1000)}


def kl(**params):
    return SparseAutoencoder(24, penalty="kl", **SMALL | params)


@pytest.mark.parametrize("name", TABLES)
def test_mean_activation_is_at_its_target(name):
    X = TABLES[name]
    ae = kl(max_iter=20).fit(X)
    np.testing.assert_allclose(ae.transform(X).mean(axis=0), 0.05, atol=0.02)


def adversarial(**params):
    return AdversarialAutoencoder(8, **SMALL | params)


def test_codes_have_the_deviations_of_the_prior():
    X = TABLES["table"]
    codes = adversarial(prior="uniform", max_iter=15).fit(X).transform(X)
    deviations = codes.std(axis=0)
    assert deviations.min() > 0.8
    assert deviations.max() < 1.2
    assert np.abs(codes.mean(axis=0)).max() < 0.2


@pytest.mark.parametrize("make", [kl, adversarial])
def test_training_goes_on_with_the_multipliers(make, tmp_path):
    ae = make(max_iter=3).fit(DIGITS[:500])
    skae.save(ae, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    before = loaded.net_.criterion_.code_term.multipliers
    assert (before != 0).any()
    ae.partial_fit(DIGITS[500:700])
    loaded.partial_fit(DIGITS[500:700])
    np.testing.assert_array_equal(loaded.transform(DIGITS), ae.transform(DIGITS))
