"""The outlier detector's face: scikit-learn's methods, containers, weights and what it holds."""

import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import (
    LINEAR,
    SCORINGS,
    answers,
    assert_same,
    draw,
    draw_outliers,
    isolation_of,
    make_detector,
    scores_by,
    weights_of,
    with_isolation,
)
from scipy import sparse
from sklearn.base import clone, is_outlier_detector
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.networks import SequenceNetwork

RNG = np.random.default_rng(1)
X, NEW, OUTLIERS = draw(RNG, 200), draw(RNG, 100), draw_outliers(RNG, 100)
BOTH = np.r_[NEW, OUTLIERS]
IS_OUTLIER = np.repeat([0, 1], 100)


def auroc(detector, rows=BOTH, is_outlier=IS_OUTLIER):
    return roc_auc_score(is_outlier, -detector.score_samples(rows))


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(make_detector().fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted detector of the test's own."""
    return pickle.loads(fitted_blob)


# -- scores, threshold and labels ---------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_scores_are_higher_for_ordinary_rows(scoring, dtype):
    detector = make_detector(scoring=scoring)
    assert is_outlier_detector(detector)
    assert detector.fit(X.astype(dtype)) is detector
    scores = detector.score_samples(BOTH.astype(dtype))
    decision = detector.decision_function(BOTH.astype(dtype))
    assert scores.dtype == decision.dtype == np.float64
    assert scores.shape == decision.shape == (200,)
    assert roc_auc_score(IS_OUTLIER, -scores) > 0.9
    assert_array_equal(decision, scores - detector.offset_)
    labels = detector.predict(BOTH.astype(dtype))
    assert_array_equal(labels, np.where(decision < 0, -1, 1))
    assert np.issubdtype(labels.dtype, np.integer)
    # The threshold lies between the two.
    assert (labels[:100] == 1).mean() > 0.8
    assert (labels[100:] == -1).mean() > 0.5


def test_the_score_is_the_mean_of_what_the_members_say(fitted):
    Z = NEW / fitted.scale_
    unusual = [
        scores_by(member, score, Z)
        for score, member in zip(fitted._scores, fitted.estimators_, strict=True)
    ]
    factors = np.array([isolation_of(fitted, Z, i) for i in range(len(unusual))])
    assert_allclose(
        fitted.score_samples(NEW), -np.mean(with_isolation(unusual, factors), axis=0), rtol=1e-3
    )
    assert 0.1 < (factors > 1).mean() < 0.9
    assert len(unusual) == len(fitted.estimators_) == 2
    # And they do not all say the same.
    assert not np.allclose(unusual[0], unusual[1])


@pytest.mark.parametrize("contamination", [0.02, 0.1, 0.5])
def test_the_asked_share_of_the_training_rows_are_outliers(contamination):
    detector = make_detector(contamination=contamination)
    labels = detector.fit_predict(X)
    assert (labels == -1).sum() == round(contamination * len(X))
    assert_array_equal(labels, detector.predict(X))
    assert_array_equal(labels, make_detector(contamination=contamination).fit(X).predict(X))


def test_contamination_only_moves_the_threshold(fitted):
    other = make_detector(contamination=0.3).fit(X)
    assert_array_equal(weights_of(other), weights_of(fitted))
    assert_array_equal(other.score_samples(NEW), fitted.score_samples(NEW))
    assert_array_equal(other.p_values(NEW), fitted.p_values(NEW))
    assert other.offset_ > fitted.offset_


# -- what it holds ------------------------------------------------------------------------

CHEAP = {"hidden_layer_sizes": (8,), "max_iter": 10}
AUTOENCODERS = [
    AutoencoderTransformer(3, **CHEAP),
    AutoencoderTransformer(0.9, loss="huber", normalization="layer", **CHEAP),
    AutoencoderTransformer(3, network=SequenceNetwork(kind="gru", hidden_size=8), max_iter=5),
    DenoisingAutoencoder(3, **CHEAP),
    SparseAutoencoder(12, **CHEAP),
    ContractiveAutoencoder(3, **CHEAP),
    NestedAutoencoder(3, **CHEAP),
    VariationalAutoencoder(3, n_draws=5, **CHEAP),
    AdversarialAutoencoder(3, **CHEAP),
    ConvolutionalAutoencoder(3, channels=(4,), hidden_layer_sizes=(8,), max_iter=5),
]


@pytest.mark.parametrize("autoencoder", AUTOENCODERS, ids=lambda one: type(one).__name__)
def test_any_autoencoder(autoencoder):
    before = autoencoder.get_params()
    detector = make_detector(autoencoder, n_estimators=2).fit(X)
    assert auroc(detector) > 0.8
    share = detector.explain(NEW[:10])["share"]
    assert_allclose(share.sum(axis=1), detector.score_samples(NEW[:10]))
    assert all(type(member) is type(autoencoder) for member in detector.estimators_)
    # What was given stays as it was.
    assert detector.autoencoder is autoencoder
    assert autoencoder.get_params() == before
    assert not hasattr(autoencoder, "net_")


@pytest.mark.parametrize("loss", ["poisson", "log_loss"])
def test_losses_that_need_the_origin_and_the_unit_of_the_data(loss):
    def squeezed(rows):
        return 1 / (1 + np.exp(-rows))

    autoencoder = AutoencoderTransformer(3, loss=loss, hidden_layer_sizes=(16,), max_iter=30)
    detector = make_detector(autoencoder).fit(squeezed(X))
    assert_array_equal(detector.scale_, 1)
    assert auroc(detector, squeezed(BOTH)) > 0.8


def test_grid_search_reaches_the_autoencoder():
    rng = np.random.default_rng(0)
    rows, label = np.r_[draw(rng, 170), draw_outliers(rng, 30)], np.repeat([1, -1], [170, 30])
    order = rng.permutation(200)
    search = GridSearchCV(
        make_detector(scoring="reconstruction", n_estimators=1),
        {"autoencoder__n_components": [1, 3, 7]},
        scoring="roc_auc",
        cv=3,
    ).fit(rows[order], label[order])
    # As many as there are sources: with more of them, outliers are reconstructed, too.
    assert search.best_params_ == {"autoencoder__n_components": 3}
    assert search.best_score_ > 0.8
    assert LINEAR.n_components == 3
    member = search.best_estimator_.estimators_[0]
    assert member.n_components_ == 3


def test_at_the_end_of_a_pipeline():
    fitted = make_detector(scoring="mahalanobis").fit(X)
    pipeline = make_pipeline(StandardScaler(), clone(fitted)).fit(X)
    # It standardises columns itself.
    assert_allclose(pipeline.score_samples(NEW), fitted.score_samples(NEW), rtol=1e-3)
    assert_array_equal(pipeline.fit_predict(X), fitted.predict(X))
    assert roc_auc_score(IS_OUTLIER, -pipeline.decision_function(BOTH)) > 0.9


def test_codes_and_back(fitted):
    codes = fitted.transform(NEW)
    assert codes.shape == (100, 6)
    parts = [member.transform(NEW / fitted.scale_) for member in fitted.estimators_]
    assert_array_equal(codes, np.hstack(parts))
    back = fitted.inverse_transform(codes)
    decoded = [
        member.inverse_transform(part)
        for member, part in zip(fitted.estimators_, parts, strict=True)
    ]
    assert_allclose(back, np.mean(decoded, axis=0) * fitted.scale_, rtol=1e-6)
    assert ((back - NEW) ** 2).mean() < 0.1 * NEW.var()
    single = fitted.transform(NEW.astype(np.float32))
    assert single.dtype == fitted.inverse_transform(single).dtype == np.float32
    named = fitted.set_output(transform="pandas").transform(NEW)
    assert list(named.columns) == list(fitted.get_feature_names_out())
    assert named.columns[0] == "autoencoderoutlierdetector0"
    assert_array_equal(named, codes)
    assert_allclose(fitted.inverse_transform(named), back)


# -- members ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_samples", "n_expected"), [("auto", 160), (50, 50), (1000, 160), (0.25, 40), (1.0, 160)]
)
def test_max_samples(trained_on, max_samples, n_expected):
    detector = make_detector(max_samples=max_samples, n_estimators=3).fit(X)
    assert detector.max_samples_ == n_expected
    seen = [rows for [rows] in trained_on.values()]
    assert [len(rows) for rows in seen] == [n_expected] * 3
    # Each has rows of its own.
    assert len({rows.tobytes() for rows in seen}) == 3
    for rows in seen:
        assert len(np.unique(rows, axis=0)) == n_expected


def test_members_have_seeds_of_their_own(fitted):
    assert len({member.random_state for member in fitted.estimators_}) == 2


def test_an_ensemble_varies_less_between_seeds_than_one_network():
    autoencoder = AutoencoderTransformer(3, init="random", **CHEAP)

    def spread(n_estimators):
        scores = [
            make_detector(
                autoencoder, scoring="mahalanobis", n_estimators=n_estimators, random_state=seed
            )
            .fit(X)
            .score_samples(NEW)
            for seed in range(5)
        ]
        # What moves all scores alike does not change which rows are unusual.
        return np.std(np.argsort(np.argsort(scores, axis=1), axis=1), axis=0).mean()

    assert spread(6) < 0.6 * spread(1)


# -- weights ------------------------------------------------------------------------------


def test_rows_of_weight_zero_are_left_out():
    weight = np.random.default_rng(0).integers(0, 3, size=len(X)).astype(float)
    rows = np.where(weight[:, None] > 0, X, 1e6)
    new = NEW[:10]
    there = make_detector().fit(rows, sample_weight=weight)
    gone = make_detector().fit(X[weight > 0], sample_weight=weight[weight > 0])
    assert_same(answers(gone, new), answers(there, new))
    assert there.n_samples_seen_ == (weight > 0).sum()
    assert there.n_calibration_ == gone.n_calibration_
    there.partial_fit(rows, sample_weight=weight)
    gone.partial_fit(X[weight > 0], sample_weight=weight[weight > 0])
    assert_same(answers(gone, new), answers(there, new))
    there.recalibrate(rows, sample_weight=weight)
    gone.recalibrate(X[weight > 0], sample_weight=weight[weight > 0])
    assert_same(answers(gone, new), answers(there, new))


def test_the_unit_of_the_weights_changes_nothing():
    weight = np.random.default_rng(0).uniform(0.5, 1, size=len(X))
    one = answers(make_detector().fit(X, sample_weight=weight), NEW[:10])
    for unit in (2.0**-1000, 2.0**10, 2.0**1022):
        other = make_detector().fit(X, sample_weight=unit * weight)
        assert_same(one, answers(other, NEW[:10]))


@pytest.mark.parametrize("scoring", SCORINGS)
def test_rows_of_large_weight_are_ordinary(scoring):
    rows = np.r_[X, OUTLIERS[:10]]
    weight = np.r_[np.ones(200), np.full(10, 50.0)]
    equal = make_detector(scoring=scoring).fit(rows)
    weighted = make_detector(scoring=scoring).fit(rows, sample_weight=weight)

    def rank(detector):
        """How many ordinary rows are more unusual than the ten, on average."""
        # However large its weight, a row that is far from the others is isolated.
        members = zip(detector._scores, detector.estimators_, strict=True)
        scores = np.mean(
            [scores_by(one, score, rows / detector.scale_) for score, one in members], axis=0
        )
        return (scores[:200] > scores[200:, None]).mean()

    assert rank(weighted) > rank(equal) + 0.08


# -- containers ---------------------------------------------------------------------------

CONTAINERS = {
    "list": np.ndarray.tolist,
    "fortran": np.asfortranarray,
    "csr_array": sparse.csr_array,
    "csc_matrix": sparse.csc_matrix,
    "coo": sparse.coo_array,
    "tensor": torch.from_numpy,
    "pandas": lambda rows: pd.DataFrame(rows, columns=list("abcdefgh")),
    "polars": lambda rows: pl.DataFrame(rows, schema=list("abcdefgh")),
    "float32": lambda rows: rows.astype(np.float32),
}


# Not by kinds, which rounding may change.
BY_DISTANCE = {"contamination": 0.1, "n_estimators": 2}


@pytest.fixture(scope="module")
def fitted_on_arrays():
    return make_detector(**BY_DISTANCE).fit(X)


@pytest.mark.parametrize("contain", CONTAINERS.values(), ids=CONTAINERS)
def test_containers(fitted_on_arrays, contain):
    fitted, other = fitted_on_arrays, make_detector(**BY_DISTANCE).fit(contain(X))
    for method in ("score_samples", "transform", "p_values"):
        found = getattr(other, method)(contain(NEW))
        assert_allclose(found, getattr(fitted, method)(NEW), rtol=1e-3, atol=1e-3)
    assert isinstance(other.predict(contain(NEW)), np.ndarray)
    assert (other.predict(contain(X)) == -1).sum() == 20
    found = other.explain(contain(NEW[:10])).to_numpy()
    assert_allclose(found, fitted.explain(NEW[:10]).to_numpy(), rtol=1e-2, atol=1e-2)
    other.partial_fit(contain(NEW)).recalibrate(contain(NEW))


def test_chunks_in_different_containers():
    one, other = (make_detector(scoring="mahalanobis").fit(X) for _ in range(2))
    one.partial_fit(NEW[:50]).partial_fit(NEW[50:])
    other.partial_fit(sparse.csr_array(NEW[:50])).partial_fit(torch.from_numpy(NEW[50:]))
    assert_allclose(other.score_samples(X), one.score_samples(X), rtol=1e-3)


def test_rows_and_weights_are_not_changed(fitted):
    rows, weight = X.copy(), np.linspace(0, 2, 200)
    before = weight.copy()
    matrix = sparse.csr_array(rows)
    for given in (rows, matrix):
        detector = make_detector(n_estimators=1).fit(given, sample_weight=weight)
        detector.partial_fit(given, sample_weight=weight).recalibrate(given, sample_weight=weight)
        detector.explain(given[:10])
    assert_array_equal(rows, X)
    assert_array_equal(matrix.toarray(), X)
    assert_array_equal(weight, before)


# -- copies, and the same every time ------------------------------------------------------


@pytest.mark.parametrize("copy", [deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_answer_alike_and_go_on_alike(fitted, copy):
    other = copy(fitted)
    assert_same(answers(fitted, NEW[:10]), answers(other, NEW[:10]))
    assert_array_equal(fitted.explain(NEW[:10]), other.explain(NEW[:10]))
    fitted.partial_fit(NEW).set_contamination(0.1)
    other.partial_fit(NEW).set_contamination(0.1)
    assert_same(answers(fitted, X[:10]), answers(other, X[:10]))


def test_a_clone_is_unfitted_and_owns_its_autoencoder(fitted):
    other = clone(fitted)
    assert not hasattr(other, "estimators_")
    assert other.autoencoder is not fitted.autoencoder
    assert_same(answers(fitted, NEW[:10]), answers(other.fit(X), NEW[:10]))


@pytest.mark.parametrize("scoring", SCORINGS)
def test_one_random_state_one_answer(scoring):
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    params = {"scoring": scoring, "max_samples": 100, "n_estimators": 2}

    def result(seed):
        detector = make_detector(random_state=seed, **params).fit(X)
        return answers(detector.partial_fit(NEW), NEW[:10])

    first = result(0)
    assert_same(first, result(0))
    assert not np.array_equal(first["scores"], result(1)["scores"])
    if scoring == "mixture":
        assert_same(result(np.random.RandomState(3)), result(np.random.RandomState(3)))
    _, keys_after, position_after, *_ = np.random.get_state()  # noqa: NPY002
    assert position_after == position
    assert_array_equal(keys_after, keys)
