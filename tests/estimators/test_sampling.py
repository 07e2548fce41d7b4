"""New rows: from a mixture on the codes, or from the prior of the estimator."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)

DIGITS = np.random.default_rng(0).permutation(load_digits().data)
TRAIN, TEST = DIGITS[:400], DIGITS[1100:]
# Rows for the fit that comes near to held-out ones.
MORE = DIGITS[:1100]
SMALL = {"n_components": 2, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
EVERY = [
    AutoencoderTransformer,
    DenoisingAutoencoder,
    VariationalAutoencoder,
    AdversarialAutoencoder,
]
WITHOUT_PRIOR = EVERY[:2]


def fit(data=TRAIN, sample_weight=None, kind=AutoencoderTransformer, **params):
    return kind(**SMALL | params).fit(data, sample_weight=sample_weight)


def copied(ae):
    return pickle.loads(pickle.dumps(ae))


@pytest.fixture(scope="module", params=EVERY, ids=lambda kind: kind.__name__)
def fitted(request):
    return fit(kind=request.param)


# -- what every estimator does ---------------------------------------------------------------


def test_shape_dtype_and_determinism(fitted):
    rows = fitted.sample(7, random_state=0)
    assert rows.shape == (7, 64)
    assert rows.dtype == np.float64
    assert fitted.sample(random_state=0).shape == (1, 64)
    assert fitted.sample(np.int64(3)).shape == (3, 64)
    assert_array_equal(fitted.sample(7, random_state=0), rows)
    assert_array_equal(fitted.sample(7, np.random.RandomState(0)), rows)
    assert_array_equal(copied(fitted).sample(7, random_state=0), rows)
    assert not np.array_equal(fitted.sample(7, random_state=1), rows)
    assert len(np.unique(rows.round(6), axis=0)) == 7


def test_a_generator_that_is_handed_over_moves_on(fitted):
    rng = np.random.RandomState(0)
    assert not np.array_equal(fitted.sample(7, rng), fitted.sample(7, rng))
    # Without one NumPy's own is drawn from, as everywhere in scikit-learn.
    assert not np.array_equal(fitted.sample(7), fitted.sample(7))


def test_samples_are_in_the_unit_of_the_data(fitted):
    # A mixture is found to its tolerance, so that rounding may end it one iteration later.
    unit = 2.0**40
    other = fit(TRAIN * unit, kind=type(fitted))
    assert_allclose(other.sample(50, 0) / unit, fitted.sample(50, 0), atol=0.05)
    rows = fitted.sample(2000, random_state=0)
    assert_allclose(rows.mean(axis=0), TRAIN.mean(axis=0), atol=1.5)


def test_nothing_else_changes(fitted):
    ae = copied(fitted)
    before = {k: v for k, v in ae.__dict__.items() if k != "_mixture"}
    answers = ae.transform(TEST), ae.reconstruct(TEST), ae.score_samples(TEST)
    ae.sample(50)
    for name, value in before.items():
        assert ae.__dict__[name] is value
    after = ae.transform(TEST), ae.reconstruct(TEST), ae.score_samples(TEST)
    for one, other in zip(answers, after, strict=True):
        assert_array_equal(one, other)
    # Nor does a sample that was drawn before change what training goes on to.
    fresh = copied(fitted)
    assert_array_equal(
        ae.partial_fit(TRAIN).transform(TEST), fresh.partial_fit(TRAIN).transform(TEST)
    )
    assert_array_equal(ae.sample(5, random_state=0), fresh.sample(5, random_state=0))


@pytest.mark.parametrize(
    ("n_samples", "error"),
    [(0, ValueError), (-1, ValueError), (2.5, TypeError), ("3", TypeError), (None, TypeError)],
)
def test_bad_numbers_of_samples(fitted, n_samples, error):
    with pytest.raises(error, match="n_samples"):
        fitted.sample(n_samples)


@pytest.mark.parametrize("kind", EVERY)
def test_an_unfitted_one_says_so(kind):
    with pytest.raises(NotFittedError):
        kind().sample()


def test_a_bad_random_state(fitted):
    with pytest.raises(ValueError, match="seed"):
        fitted.sample(2, random_state="no seed")


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("to_input", [sparse.csr_array, torch.tensor, np.float32])
def test_whatever_it_was_fitted_on_it_samples_arrays(kind, to_input):
    rows = fit(to_input(TRAIN[:200]), kind=kind).sample(6, random_state=0)
    assert type(rows) is np.ndarray
    assert rows.dtype == np.float64
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("kind", EVERY)
def test_tables_that_are_poor_but_valid(kind):
    tables = {
        "two rows": TRAIN[:2],
        "three distinct rows": np.repeat(TRAIN[:3], 50, axis=0),
        "one column": TRAIN[:80, 20:21],
        "wide codes": TRAIN[:60],
    }
    for name, table in tables.items():
        ae = fit(table, kind=kind, n_components=70 if name == "wide codes" else 1)
        rows = ae.sample(30, random_state=0)
        assert rows.shape == (30, table.shape[1]), name
        assert np.isfinite(rows).all(), name


@pytest.mark.parametrize("n_rows", [10, 700])
@pytest.mark.parametrize("kind", EVERY)
def test_constant_data_gives_constant_rows(kind, n_rows):
    table = np.tile([3.0, -7.0, 0.5], (n_rows, 1))
    with warnings.catch_warnings():
        if kind is VariationalAutoencoder:
            warnings.filterwarnings("ignore", "The posterior has collapsed")
        ae = fit(table, kind=kind)
    assert_allclose(
        ae.sample(20, random_state=0), table[:20] if n_rows > 20 else table[[0] * 20], atol=0.05
    )


# -- the mixture -----------------------------------------------------------------------------

CLUSTERS = np.array([[0.0, 0, 0], [20, 0, 0], [0, 20, 0], [0, 0, 20]])


def clustered(counts, seed=0):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), counts)
    order = rng.permutation(len(label))
    return (CLUSTERS[label] + rng.normal(size=(len(label), 3)))[order], label[order]


def shares(rows):
    """Which share of rows is near each cluster, and near none."""
    distances = np.linalg.norm(rows[:, None] - CLUSTERS, axis=2)
    nearest = np.where(distances.min(axis=1) < 6, distances.argmin(axis=1), 4)
    return np.bincount(nearest, minlength=5) / len(rows)


@pytest.mark.parametrize("kind", WITHOUT_PRIOR)
def test_samples_fall_into_the_clusters_of_the_data(kind):
    X, _ = clustered([600, 300, 200, 100])
    ae = fit(X, kind=kind, max_iter=10, n_components=3)
    assert_allclose(
        shares(ae.sample(3000, random_state=0)), [0.5, 0.25, 1 / 6, 1 / 12, 0], atol=0.04
    )
    # The control: codes from one Gaussian lie between them.
    codes = np.random.default_rng(0).normal(size=(3000, 3))
    assert shares(ae.inverse_transform(codes))[4] > 0.3


def test_rows_without_weight_do_not_show():
    X, label = clustered([300, 300, 300, 300])
    for light in (0.0, 1e-9):
        weight = np.where(label == 3, light, np.where(label == 0, 4.0, 1.0))
        ae = fit(X, weight, max_iter=10, n_components=3)
        expected = [4 / 6, 1 / 6, 1 / 6, 0, 0]
        assert_allclose(shares(ae.sample(3000, random_state=0)), expected, atol=0.06)
    even = fit(X, max_iter=10, n_components=3)
    assert_allclose(shares(even.sample(3000, random_state=0))[:4], 0.25, atol=0.04)


@pytest.mark.parametrize("heaviest", [1, 2])
def test_few_rows_with_all_the_weight(heaviest):
    weight = np.full(len(TRAIN), 1e-12)
    weight[:heaviest] = 1e12
    rows = fit(sample_weight=weight).sample(40, random_state=0)
    distances = np.linalg.norm(rows[:, None] - TRAIN[None, :heaviest], axis=2).min(axis=1)
    assert np.median(distances) < 0.1 * np.linalg.norm(TRAIN.std(axis=0))


def test_codes_are_kept_up_to_a_number():
    X, _ = clustered([3000, 3000, 3000, 3000])
    ae = fit(X, max_iter=2, n_components=3, batch_size=500)
    codes, weight = ae._some_codes
    assert 3000 < len(codes) == len(weight) <= 5000
    assert_allclose(shares(ae.sample(2000, random_state=0))[:4], 0.25, atol=0.05)
    # A stream of chunks ends with as many.
    for chunk in np.array_split(X, 4):
        ae.partial_fit(chunk)
    assert len(ae._some_codes[0]) == 5000
    assert len(copied(ae).sample(3)) == 3


def test_a_stream_of_chunks_is_remembered():
    X, label = clustered([300, 300, 300, 300])
    params = SMALL | {"n_components": 3, "batch_size": 50}
    ae = AutoencoderTransformer(**params)
    # The first chunk has all of them, then each comes with one only.
    for _ in range(3):
        ae.partial_fit(X)
    for i in range(4):
        ae.partial_fit(X[label == i])
    found = shares(ae.sample(2000, random_state=0))
    assert found[:4].min() > 0.1
    assert found[4] < 0.15
    # One more row changes little.
    ae.partial_fit(X[:1])
    assert shares(ae.sample(2000, random_state=0))[:4].min() > 0.1


def test_training_again_forgets_the_old_mixture():
    X, label = clustered([300, 300, 300, 300])
    for warm_start in (False, True):
        ae = fit(X, n_components=3, warm_start=warm_start, max_iter=10)
        assert shares(ae.sample(500, random_state=0))[3] > 0.15
        ae.fit(X[label < 3])
        assert shares(ae.sample(500, random_state=0))[3] < 0.02


@pytest.mark.parametrize("after", ["pickle", "partial_fit"])
def test_a_fitted_mixture_is_kept_or_renewed(after):
    ae = fit()
    rows = ae.sample(20, random_state=0)
    if after == "pickle":
        assert_array_equal(copied(ae).sample(20, random_state=0), rows)
    else:
        ae.partial_fit(TRAIN)
        assert not np.array_equal(ae.sample(20, random_state=0), rows)


# -- against controls ------------------------------------------------------------------------


def squared_distances(a, b):
    return np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T


def mmd(a, b):
    """Squared maximum mean discrepancy, unbiased, with a Gaussian kernel of median width."""
    both, n, m = np.r_[a, b], len(a), len(b)
    distances = squared_distances(both, both)
    kernel = np.exp(-distances / np.median(distances[np.triu_indices(n + m, 1)]))
    np.fill_diagonal(kernel, 0)
    within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
    return within - 2 * kernel[:n, n:].mean()


def told_apart(a, b):
    """How often a row's neighbours say which of two tables of one size it is from."""
    both, label = np.r_[a, b], np.repeat([0, 1], [len(a), len(b)])
    distances = squared_distances(both, both)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, 5, axis=1)[:, :5]
    return np.mean((label[nearest].mean(axis=1) > 0.5) == label)


def test_a_mixture_is_nearer_to_held_out_rows_than_its_controls():
    n_components = 8
    ae = fit(MORE, n_components=n_components, hidden_layer_sizes=(64,), max_iter=30)
    pca = PCA(n_components).fit(MORE)
    codes, n = pca.transform(MORE), len(TEST)
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        drawn = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), n)
        noise = rng.normal(scale=pca.noise_variance_**0.5, size=TEST.shape)
        tables = [
            ae.sample(n, random_state=seed),
            ae.inverse_transform(rng.normal(size=(n, n_components))),
            pca.inverse_transform(drawn),
            pca.inverse_transform(drawn) + noise,
        ]
        found.append([(mmd(table, TEST), told_apart(table, TEST)) for table in tables])
    mixture, normal, gaussian, noisy_gaussian = np.mean(found, axis=0)
    # Codes from one normal distribution, decoded by the same network (Ghosh et al., 2020).
    assert mixture[0] < 0.95 * normal[0]
    assert mixture[1] < normal[1] - 0.1
    assert mixture[0] < 0.5 * gaussian[0]
    assert mixture[1] < gaussian[1] - 0.1
    # What the mixture lacks is noise around the decoded rows; a classifier does not care.
    assert mixture[1] < noisy_gaussian[1] - 0.05
