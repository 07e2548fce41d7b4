"""Whatever table an estimator was fitted on, its file loads and answers the same."""

import numpy as np
import pytest
from model_file_cases import loaded
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

import skae

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(200, 3))

TABLES = {
    "constant columns": np.c_[ROWS, np.ones((200, 2))],
    "nothing but a constant": np.full((200, 3), 0.1, dtype=np.float32),
    "repeated rows": np.repeat(ROWS[:2], 100, axis=0),
    "collinear columns, tiny": 1e-300 * ROWS[:, :2] @ RNG.normal(size=(2, 5)),
    "one-hot columns": np.eye(4)[RNG.integers(4, size=200)],
    "more columns than rows, huge": 1e140 * RNG.normal(size=(6, 90)),
    "one constant column": np.ones((200, 1)),
    "empty sparse columns": sparse.csr_array(np.c_[np.maximum(ROWS, 0), np.zeros((200, 2))]),
}

# The rank of a table is small, so that codes of three values are more than some have.
SMALL = {"n_components": 3, "hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}
VARIATIONAL = skae.VariationalAutoencoder(n_draws=4, **SMALL)
ESTIMATORS = {
    "transformer": skae.AutoencoderTransformer(**SMALL),
    "denoising": skae.DenoisingAutoencoder(noise="salt_and_pepper", **SMALL),
    "nested": skae.NestedAutoencoder(**SMALL),
    "sparse": skae.SparseAutoencoder(**SMALL),
    "contractive": skae.ContractiveAutoencoder(**SMALL),
    "variational": VARIATIONAL,
    "adversarial": skae.AdversarialAutoencoder(**SMALL),
    "convolutional": skae.ConvolutionalAutoencoder(
        3, channels=(2,), hidden_layer_sizes=(), max_iter=1, random_state=0
    ),
    "detector": skae.AutoencoderOutlierDetector(
        skae.AutoencoderTransformer(**SMALL), n_estimators=1, random_state=0
    ),
    "likelihood": skae.AutoencoderOutlierDetector(
        VARIATIONAL, scoring="likelihood", n_estimators=1, random_state=0
    ),
}


def answers(estimator, X):
    """What a fitted estimator answers, without what takes long."""
    found = {"codes": estimator.transform(X), "scores": estimator.score_samples(X)}
    found["back"] = estimator.inverse_transform(found["codes"])
    if hasattr(estimator, "sample"):
        found["sample"] = estimator.sample(3, random_state=0)
    if hasattr(estimator, "p_values"):
        found["p_values"] = estimator.p_values(X)
    return found


def assert_comes_back(fitted, path, X):
    expected, found = answers(fitted, X), answers(loaded(fitted, path), X)
    for name, value in expected.items():
        assert_array_equal(found[name], value, err_msg=name)


# These have no fitted attributes of their own, so that one table is enough.
PLAIN = ("contractive", "adversarial", "convolutional")


# The warnings about such tables are tested elsewhere.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "table"),
    [
        (name, table)
        for name in ESTIMATORS
        for table in TABLES
        if name not in PLAIN or table == "collinear columns, tiny"
    ],
)
def test_every_estimator_of_every_table_comes_back(name, table, path):
    X = TABLES[table]
    assert_comes_back(clone(ESTIMATORS[name]).fit(X), path, X[:4])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_loss", "poisson"])
def test_detectors_of_every_loss_come_back(loss, path):
    """Losses that need the data's own unit leave cells as they are, however far outside."""
    X = np.minimum(np.abs(ROWS), 1)
    member = skae.AutoencoderTransformer(loss=loss, **SMALL)
    for scoring in ("mixture", "reconstruction"):
        detector = skae.AutoencoderOutlierDetector(member, scoring=scoring, n_estimators=1)
        assert_comes_back(detector.fit(X), path, X[:4])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", ["nothing but a constant", "repeated rows"])
def test_drift_detectors_of_such_tables_come_back(table, path):
    X = TABLES[table]
    drift = skae.DriftDetector(clone(VARIATIONAL).fit(X), n_permutations=60, random_state=0).fit(X)
    found = loaded(drift, path).test(X[:20]).tests
    assert_array_equal(found["p_value"], drift.test(X[:20]).tests["p_value"])


@pytest.mark.parametrize("n_components", [3, 4, 5])
def test_the_noise_that_no_direction_is_left_for(n_components):
    """The variance that is left is rounding of either sign: the noise is as small as may be."""
    for seed in range(2):
        X = np.c_[np.random.default_rng(seed).normal(size=(200, 3)), np.ones((200, 2))]
        fitted = clone(VARIATIONAL).set_params(n_components=n_components).fit(X)
        assert fitted._first_noise == 1e-6
