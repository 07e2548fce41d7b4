"""The sparse autoencoder in use: samples, pickles, continued training, bad input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics.pairwise import rbf_kernel
from sparse_cases import PENALTIES, SMALL, TEST, TRAIN, VARIANCE, fitted, n_active, small

from skae import SparseAutoencoder


def mmd(X, Y):
    """Unbiased squared maximum mean discrepancy, with a kernel as wide as the data."""
    gamma = 1 / (2 * 64 * VARIANCE)
    n, m = len(X), len(Y)
    within = (rbf_kernel(X, gamma=gamma).sum() - n) / (n * (n - 1))
    within += (rbf_kernel(Y, gamma=gamma).sum() - m) / (m * (m - 1))
    return within - 2 * rbf_kernel(X, Y, gamma=gamma).mean()


@pytest.mark.parametrize("penalty", PENALTIES)
def test_samples_are_decoded_from_valid_codes(penalty):
    ae = fitted(penalty)
    codes = ae._draw_codes(2400, np.random.RandomState(0))
    trained = ae.transform(TRAIN)
    assert codes.min() >= 0
    assert_allclose(n_active(codes).mean(), n_active(trained).mean(), rtol=0.6)
    if penalty == "top_k":
        assert n_active(codes).max() == 8
    if penalty == "kl":
        assert codes.max() <= 1
    # They are new ones, but for those that move by nothing, and nearer to held-out rows than
    # those of a Gaussian mixture.
    assert np.mean([(code == trained).all(axis=1).any() for code in codes[:100]]) < 0.2
    mixture = super(SparseAutoencoder, ae)._draw_codes(2400, np.random.RandomState(0))
    samples, plain = ae.inverse_transform(codes), ae.inverse_transform(mixture)
    assert mmd(samples, TEST) < mmd(plain, TEST)


@pytest.mark.parametrize("n_rows", [2, 3, 30])
def test_samples_of_small_tables(n_rows):
    ae = SparseAutoencoder(random_state=0, max_iter=3).fit(TRAIN[:n_rows])
    samples = ae.sample(7, random_state=0)
    assert samples.shape == (7, 64)
    assert_array_equal(samples, ae.sample(7, random_state=0))
    assert not np.array_equal(samples, ae.sample(7, random_state=1))


def test_samples_follow_the_weights():
    weight = np.where(np.arange(len(TRAIN)) < 300, 1.0, 1e-9)
    X = np.where(np.arange(len(TRAIN))[:, None] < 300, TRAIN, 16 - TRAIN)
    ae = SparseAutoencoder(random_state=0, max_iter=5).fit(X, sample_weight=weight)
    assert_allclose(ae.sample(500, random_state=0).mean(), TRAIN.mean(), rtol=0.1)


# -- the protocols -----------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_pickle_gives_the_same_and_goes_on_the_same(penalty):
    ae = SparseAutoencoder(penalty=penalty, **SMALL).fit(TRAIN)
    # The net is the one that was fitted, whatever was set since.
    loaded = small(penalty)
    changed = pickle.loads(pickle.dumps(ae.set_params(penalty="l1", n_nonzero_coefs=2)))
    ae.set_params(penalty=penalty, n_nonzero_coefs=5)
    changed.set_params(penalty=penalty, n_nonzero_coefs=5)
    for other in (loaded, changed):
        assert_array_equal(other.transform(TEST), ae.transform(TEST))
        assert_array_equal(other.sample(3, random_state=0), ae.sample(3, random_state=0))
    for one in (ae, loaded, changed):
        one.partial_fit(TEST)
    for other in (loaded, changed):
        assert_array_equal(other.transform(TEST), ae.transform(TEST))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_same_seed_gives_the_same_bits(penalty):
    codes = [
        SparseAutoencoder(penalty=penalty, **SMALL).fit(X).transform(X)
        for X in (TRAIN.copy(), sparse.csr_array(TRAIN))
    ]
    assert_array_equal(codes[0], small(penalty).transform(TRAIN))
    assert_allclose(codes[1], codes[0], atol=1e-2)
    assert_array_equal(small(penalty).transform(TRAIN[17:18]), codes[0][17:18])


@pytest.mark.parametrize("penalty", PENALTIES)
def test_training_goes_on(penalty):
    X = TRAIN[:300]
    ae = SparseAutoencoder(penalty=penalty, warm_start=True, **SMALL).fit(X)
    before = ae.score(X)
    ae.fit(X)
    assert ae.score(X) > before
    assert ae.n_iter_ == 8
    streamed = SparseAutoencoder(penalty=penalty, **SMALL)
    streamed.partial_fit(chunk for chunk in np.array_split(X, 2))
    first = streamed.score(X)
    for _ in range(3):
        streamed.partial_fit(chunk for chunk in np.array_split(X, 2))
    assert streamed.score(X) > first


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"penalty": "l2"}, "penalty"),
        ({"n_nonzero_coefs": 0}, "n_nonzero_coefs"),
        ({"n_nonzero_coefs": 2.5}, "n_nonzero_coefs"),
        ({"penalty_strength": -1}, "penalty_strength"),
        ({"target_activation": 0.0}, "target_activation"),
        ({"target_activation": 1.0}, "target_activation"),
        ({"n_components": 0.9}, "n_components"),
        ({"init": "pca"}, "init"),
    ],
)
def test_bad_parameters(params, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of SparseAutoencoder"):
        SparseAutoencoder(**SMALL | params).fit(TRAIN)


@pytest.mark.parametrize("n_components", [4, "auto"])
def test_more_values_than_the_code_has_are_refused(n_components):
    params = {"n_components": n_components, "n_nonzero_coefs": 129, "max_iter": 2}
    ae = SparseAutoencoder(max_iter=2, random_state=0).fit(TRAIN)
    before = ae.transform(TEST)
    with pytest.raises(ValueError, match=r"n_nonzero_coefs=129 is more than the code has values"):
        ae.set_params(**params).fit(TRAIN)
    assert_array_equal(ae.transform(TEST), before)
    # Other penalties ignore it.
    ae.set_params(penalty="l1").fit(TRAIN)


@pytest.mark.parametrize("change", [{"penalty": "l1"}, {"n_nonzero_coefs": 3}])
def test_what_a_code_is_cannot_change_while_training_goes_on(change):
    ae = small()
    before = ae.transform(TEST)
    with pytest.raises(ValueError, match=f"{next(iter(change))} changed since the first fit"):
        ae.set_params(**change).partial_fit(TRAIN)
    assert_array_equal(ae.transform(TEST), before)
