"""The drift detector: its results, what it is given, and the model that it leaves alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from drift_cases import FEW, LINEAR, draw
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import sparse
from scipy.stats import ks_2samp
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from skae import AutoencoderTransformer, DriftDetector, SparseAutoencoder, VariationalAutoencoder
from skae.detection._two_sample_tests import gaussian_kernel, squared_mmd


@pytest.fixture(scope="module")
def detector(model, heldout):
    return DriftDetector(model, **FEW).fit(heldout)


# -- the result ---------------------------------------------------------------------------


def test_the_table_holds_what_the_tests_say(model, detector, heldout, batch):
    new = batch + 0.3
    tests = detector.test(new).tests
    assert list(tests.index[:6]) == ["score", "codes", "code0", "code1", "code2", "code3"]
    assert list(tests.index[6:]) == [f"x{i}" for i in range(8)]
    assert list(tests["kind"]) == ["score", "codes", *["code"] * 4, *["column"] * 8]
    assert list(tests["test"]) == ["KS", "MMD", *["KS"] * 12]
    expected = ks_2samp(model.score_samples(heldout), model.score_samples(new))
    assert tuple(tests.loc["score", ["statistic", "p_value"]]) == expected[:2]
    expected = ks_2samp(model.transform(heldout)[:, 2], model.transform(new)[:, 2])
    assert tuple(tests.loc["code2", ["statistic", "p_value"]]) == expected[:2]
    expected = ks_2samp(heldout[:, 5], new[:, 5])
    assert tuple(tests.loc["x5", ["statistic", "p_value"]]) == expected[:2]
    codes = model.transform(heldout), model.transform(new)
    in_batch = np.arange(400)[:, np.newaxis] >= 300
    mmd = squared_mmd(gaussian_kernel(np.concatenate(codes)), in_batch)[0]
    assert_allclose(tests.loc["codes", "statistic"], mmd, rtol=1e-6)
    assert (tests["p_adjusted"] >= tests["p_value"]).all()
    assert_array_equal(tests["drift"], tests["p_adjusted"] <= 0.05)
    assert (tests["effect_low"] < tests["effect"]).all()
    assert (tests["effect"] < tests["effect_high"]).all()


@pytest.mark.parametrize("n_components", [1, 12])
def test_wide_codes_do_not_weaken_the_scores(n_components):
    rng = np.random.default_rng(0)
    model = PCA(n_components).fit(rng.normal(size=(500, 15)))
    detector = DriftDetector(model, n_permutations=999, random_state=0)
    detector.fit(rng.normal(size=(200, 15)))
    ratios = []
    for _ in range(20):
        score = detector.test(1.07 * rng.normal(size=(200, 15))).tests.loc["score"]
        if 0.003 < score["p_value"] < 0.1:
            ratios.append(score["p_adjusted"] / score["p_value"])
    # Four kinds of equal weight; Bonferroni's correction for the 29 tests gives 29.
    assert len(ratios) > 3
    assert 1.5 < np.median(ratios) < 6


def test_the_result_in_an_if(detector, batch):
    ordinary, drifted = detector.test(batch), detector.test(batch + 3)
    assert type(ordinary.drift) is type(drifted.drift) is bool
    assert not ordinary.drift
    assert not ordinary
    assert drifted.drift
    assert drifted
    assert ordinary.p_value == ordinary.tests["p_adjusted"].min() > 0.05 >= drifted.p_value


def test_alpha_moves_after_fit(model, heldout, batch):
    detector = DriftDetector(model, **FEW).fit(heldout)
    new = batch + 0.4 * np.eye(1, 8)
    before = detector.test(new)
    assert 0.05 < before.p_value < 0.9
    after = detector.set_params(alpha=before.p_value + 1e-6).test(new)
    assert after.drift
    # The intervals have the level 1 - alpha, nothing else changes.
    of_alpha = ["effect_low", "effect_high", "drift"]
    assert_frame_equal(after.tests.drop(columns=of_alpha), before.tests.drop(columns=of_alpha))
    widths = [(one.tests["effect_high"] - one.tests["effect_low"]) for one in (before, after)]
    assert (widths[1] < widths[0]).all()


def test_max_samples_bounds_the_rows_of_the_discrepancy_only(model, heldout, batch):
    def tests(**params):
        return DriftDetector(model, **FEW | params).fit(heldout).test(batch).tests

    everything = tests(max_samples=300)
    assert_frame_equal(tests(max_samples=5000), everything)
    some = tests(max_samples=50)
    assert some.loc["codes", "statistic"] != everything.loc["codes", "statistic"]
    columns = ["statistic", "p_value"]
    assert_frame_equal(some.drop("codes")[columns], everything.drop("codes")[columns])


# -- the same answer each time ------------------------------------------------------------


@pytest.mark.parametrize("random_state", [None, 3, "instance"])
def test_a_batch_gets_the_same_answer_each_time(model, heldout, batch, random_state):
    if random_state == "instance":
        random_state = np.random.RandomState(0)
    detector = DriftDetector(model, max_samples=50, n_permutations=99, random_state=random_state)
    first = detector.fit(heldout).test(batch)
    detector.test(heldout)
    assert_frame_equal(detector.test(batch).tests, first.tests)
    again = detector.fit(heldout).test(batch).tests
    assert again.equals(first.tests) == (random_state == 3)


def test_nothing_is_drawn_from_the_global_generator(model, heldout, batch):
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    DriftDetector(model, **FEW).fit(heldout).test(batch)
    _, keys_after, position_after, *_ = np.random.get_state()  # noqa: NPY002
    assert position_after == position
    assert_array_equal(keys_after, keys)


def test_pickling(detector, batch):
    copy = pickle.loads(pickle.dumps(detector))
    assert_frame_equal(copy.test(batch).tests, detector.test(batch).tests)
    result = pickle.loads(pickle.dumps(copy.test(batch + 3)))
    assert result.drift


# -- models and containers ----------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: PCA(3),
        lambda: AutoencoderTransformer("auto", hidden_layer_sizes=(6,), max_iter=3),
        lambda: VariationalAutoencoder(3, max_iter=5, n_draws=5, random_state=0),
        lambda: SparseAutoencoder(12, max_iter=5, random_state=0),
        lambda: make_pipeline(StandardScaler(), AutoencoderTransformer(3, **LINEAR)),
    ],
    ids=["pca", "auto", "variational", "sparse", "pipeline"],
)
def test_models(make, heldout, batch):
    fitted = make().fit(draw(np.random.default_rng(1), 500))
    for model in (fitted, FrozenEstimator(fitted)):
        detector = DriftDetector(model, **FEW).fit(heldout)
        assert not detector.test(batch).drift
        assert detector.test(batch + 5).drift


def test_containers(model, detector, heldout, batch):
    expected = detector.test(batch).tests
    for as_given in (sparse.csr_array, torch.from_numpy, np.ndarray.tolist, np.asfortranarray):
        other = DriftDetector(model, **FEW).fit(as_given(heldout))
        assert_allclose(other.scores_, detector.scores_, rtol=1e-5)
        found = other.test(as_given(batch)).tests
        assert_allclose(found["p_value"], expected["p_value"], atol=0.03)
    with config_context(array_api_dispatch=True):
        other = DriftDetector(model, **FEW).fit(torch.from_numpy(heldout))
        found = other.test(torch.from_numpy(batch)).tests
    assert_allclose(found["p_value"], expected["p_value"], atol=0.03)


def test_frames_keep_their_columns(heldout, batch):
    names = list("abcdefgh")
    train = pd.DataFrame(draw(np.random.default_rng(1), 500), columns=names)
    model = AutoencoderTransformer(4, **LINEAR).fit(train).set_output(transform="pandas")
    heldout, batch = (pd.DataFrame(rows, columns=names) for rows in (heldout, batch))
    detector = DriftDetector(model, **FEW).fit(heldout)
    assert not detector.test(batch).drift
    assert detector.test(batch + 3).drift
    with pytest.raises(ValueError, match="feature names should match"):
        detector.test(batch[names[::-1]])


def test_constant_scores_and_codes_are_no_drift():
    table = np.full((40, 3), 7.0)
    model = AutoencoderTransformer(2, **LINEAR).fit(table)
    detector = DriftDetector(model, **FEW).fit(table)
    result = detector.test(table[:20])
    assert_array_equal(result.tests["p_value"], 1)
    assert not result.drift
    assert detector.test(table[:20] + 1).drift


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_codes_that_are_mostly_equal(share):
    rng = np.random.default_rng(0)

    def rows(n_samples, shift=0):
        kept = rng.uniform(size=(n_samples, 1)) > share
        return kept * (rng.normal(size=(n_samples, 3)) + shift)

    model = PCA(2).fit(rows(500))
    detector = DriftDetector(model, **FEW).fit(rows(300))
    assert not detector.test(rows(200)).drift
    assert detector.test(rows(200, shift=5)).tests.loc["codes", "drift"]


# -- the model stays as it is -------------------------------------------------------------


def test_the_model_is_not_changed(model, heldout, batch):
    before = pickle.dumps(model)
    detector = DriftDetector(model, **FEW).fit(heldout)
    detector.test(batch)
    assert detector.model is model
    assert pickle.dumps(model) == before


def test_clone_shares_the_model(detector, batch):
    rng = np.random.RandomState(0)
    original = DriftDetector(detector.model, alpha=0.01, random_state=rng)
    copy = clone(original)
    assert copy.model is original.model
    assert copy.alpha == 0.01
    assert copy.random_state is not rng
    with pytest.raises(NotFittedError):
        clone(detector).test(batch)


def test_parameters_of_the_model_are_out_of_reach(detector):
    params = detector.get_params(deep=True)
    own = {"alpha", "window", "n_permutations", "max_samples", "random_state"}
    assert set(params) == {"model", *own}
    with pytest.raises(ValueError, match="model__max_iter is a parameter of the model"):
        detector.set_params(model__max_iter=1)
    with pytest.raises(ValueError, match="Invalid parameter 'level'"):
        detector.set_params(level=1)
    assert repr(detector).startswith("DriftDetector(model=AutoencoderTransformer(")


# Checks of scikit-learn's that bring no data: the model takes only tables of its own columns.
WITHOUT_DATA = {
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
}


def test_the_protocol_of_estimators(model):
    done = set()
    for detector, check in estimator_checks_generator(DriftDetector(model)):
        name = check.func.__name__
        if name in WITHOUT_DATA:
            check(detector)
            done.add(name)
    assert done == WITHOUT_DATA
    estimator_checks.check_param_validation("DriftDetector", DriftDetector(model))
