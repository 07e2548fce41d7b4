"""The Wasserstein autoencoder: codes that fill a normal prior."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

from skae import WassersteinAutoencoder
from skae.objectives._wasserstein import PriorDiscrepancy

DIGITS = load_digits().data
TRAIN = DIGITS[:800]
SMALL = {"n_components": 4, "hidden_layer_sizes": (32,), "max_iter": 15, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return WassersteinAutoencoder(**SMALL).fit(TRAIN)


@pytest.fixture(scope="module")
def without():
    return WassersteinAutoencoder(discrepancy_weight=0, **SMALL).fit(TRAIN)


class Identity(torch.nn.Module):
    """An autoencoder whose latent is the outputs of its encoder."""

    def latent(self, h):
        return h


def penalty_of(codes, weight=None, strength=1.0):
    term = PriorDiscrepancy(codes.shape[1], strength).eval()
    weight = None if weight is None else torch.tensor(weight)
    _, penalties = term(Identity(), torch.tensor(codes), weight)
    return penalties["discrepancy"].item()


def discrepancy_by_definition(codes, weight, draws):
    """The unbiased estimate, pair by pair."""

    def kernel(one, other):
        squares, width = cdist(one, other, "sqeuclidean"), 2 * codes.shape[1]
        scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
        return np.mean([s * width / (s * width + squares) for s in scales], axis=0)

    pairs = np.outer(weight, weight)
    np.fill_diagonal(pairs, 0)
    among_codes = (pairs * kernel(codes, codes)).sum() / pairs.sum()
    n = len(draws)
    among_draws = (kernel(draws, draws).sum() - n) / (n * (n - 1))
    across = np.average(kernel(codes, draws).mean(axis=1), weights=weight)
    return among_codes + among_draws - 2 * across


@pytest.mark.parametrize("weighted", [False, True])
def test_the_discrepancy_by_its_definition(weighted):
    rng = np.random.default_rng(0)
    codes = rng.normal(loc=0.3, scale=2.0, size=(40, 3))
    weight = rng.uniform(0.5, 2, size=40) if weighted else np.ones(40)
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn((40, 3), generator=generator).double().numpy()
    expected = discrepancy_by_definition(codes, weight, draws)
    found = penalty_of(codes, weight if weighted else None, strength=2.0)
    assert_allclose(found, 2 * expected, rtol=1e-10)


@pytest.mark.parametrize("change", [{"loc": 1.0}, {"scale": 0.3}, {"scale": 3.0}])
def test_it_is_larger_for_codes_that_are_not_normal(change):
    like_the_prior, others = (
        np.random.default_rng(1).normal(**params, size=(500, 3)) for params in ({}, change)
    )
    assert penalty_of(others) > 0.02 > abs(penalty_of(like_the_prior))


def test_codes_are_nearer_to_the_prior_than_without(fitted, without):
    def deviation(ae):
        return abs(ae.transform(DIGITS).std(axis=0) - 1).max()

    assert deviation(fitted) < 0.2 < deviation(without)
    # The measure compares all pairs of rows.
    of_fitted, of_control = (penalty_of(ae.transform(DIGITS[::3])) for ae in (fitted, without))
    assert of_fitted < 0.5 * of_control


def test_it_still_reconstructs(fitted, without):
    assert without.score(DIGITS) > fitted.score(DIGITS) > 1.5 * without.score(DIGITS)


def test_samples_have_the_moments_of_the_data(fitted, without):
    def distance(ae):
        return abs(ae.sample(2000, random_state=0).std(axis=0) - DIGITS.std(axis=0)).mean()

    assert distance(fitted) < distance(without)


def test_measurements_are_the_same_every_time(fitted):
    rows = np.asarray(DIGITS[:200])
    assert fitted.score(rows) == fitted.score(rows)
    again = [WassersteinAutoencoder(**SMALL | {"max_iter": 3}).fit(rows) for _ in range(2)]
    assert again[0].loss_ == again[1].loss_
    assert set(fitted.net_.history[-1]) >= {"train_reconstruction", "train_discrepancy"}
