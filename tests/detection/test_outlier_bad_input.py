"""Bad input to the outlier detector: clear errors, and a fitted detector survives them."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from outlier_cases import LINEAR, SCORINGS, answers, assert_same, draw, make_detector, weights_of
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, EarlyStopping

from skae import AutoencoderOutlierDetector, AutoencoderTransformer, DenoisingAutoencoder

RNG = np.random.default_rng(1)
X, NEW = draw(RNG, 100), draw(RNG, 30)
TRAINING = ("fit", "partial_fit")
USE = (
    "predict",
    "decision_function",
    "score_samples",
    "p_values",
    "select",
    "explain",
    "transform",
    "recalibrate",
)


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(make_detector().fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted detector of the test's own."""
    return pickle.loads(fitted_blob)


@pytest.fixture(scope="module")
def trained_further():
    """Answers of the detector after another chunk."""
    return answers(make_detector().fit(X).partial_fit(NEW), X[:5])


def assert_survives(detector, error, match, *calls):
    """Run calls that must fail; the detector must answer as before, to the last bit."""
    before, n_seen = answers(detector, NEW[:5]), detector.n_samples_seen_
    for call in calls:
        with pytest.raises(error, match=match):
            call()
    assert_same(before, answers(detector, NEW[:5]))
    assert detector.n_samples_seen_ == n_seen


# -- parameters ---------------------------------------------------------------------------

BAD_PARAMETERS = [
    ({"autoencoder": AutoencoderTransformer}, "The 'autoencoder' parameter of AutoencoderOutlier"),
    ({"autoencoder": PCA(3)}, "The 'autoencoder' parameter"),
    ({"autoencoder": "denoising"}, "The 'autoencoder' parameter"),
    ({"autoencoder": AutoencoderTransformer(max_iter=0)}, "The 'max_iter' parameter"),
    ({"autoencoder": AutoencoderTransformer(loss="cubic")}, "The 'loss' parameter"),
    ({"autoencoder": DenoisingAutoencoder(noise_level=2)}, "noise_level=2 is a probability"),
    ({"scoring": "isolation"}, "The 'scoring' parameter"),
    ({"scoring": None}, "The 'scoring' parameter"),
    ({"scoring": "likelihood"}, "scoring='likelihood' needs.*VariationalAutoencoder.*autoencoder="),
    ({"n_estimators": 0}, "The 'n_estimators' parameter"),
    ({"n_estimators": 2.0}, "The 'n_estimators' parameter"),
    ({"max_samples": 1}, "The 'max_samples' parameter"),
    ({"max_samples": 0.0}, "The 'max_samples' parameter"),
    ({"max_samples": 1.5}, "The 'max_samples' parameter"),
    ({"max_samples": "all"}, "The 'max_samples' parameter"),
    ({"cv": 1}, "The 'cv' parameter"),
    ({"cv": None}, "The 'cv' parameter"),
    ({"contamination": 0.0}, "The 'contamination' parameter"),
    ({"contamination": 0.51}, "The 'contamination' parameter"),
    ({"contamination": -0.1}, "The 'contamination' parameter"),
    ({"contamination": "some"}, "The 'contamination' parameter"),
    ({"contamination": np.nan}, "The 'contamination' parameter"),
    ({"device": 3}, "The 'device' parameter"),
    ({"autoencoder": None, "device": "abacus"}, "device"),
    ({"random_state": "no"}, "The 'random_state' parameter"),
]


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS, ids=str)
def test_bad_parameters(fitted, params, message):
    detector = fitted
    # As if fitted by these parameters, whose fit must leave what is there.
    detector.set_params(**params)
    assert_survives(detector, ValueError, message, lambda: detector.fit(X))
    for method in TRAINING:
        fresh = clone(detector)
        with pytest.raises(ValueError, match=message):
            getattr(fresh, method)(X)
        assert not hasattr(fresh, "estimators_")


def test_callbacks_that_look_at_held_out_rows_cannot_follow_a_stream(fitted):
    callbacks = [EarlyStopping(monitor="valid_loss")]
    detector = make_detector(AutoencoderTransformer(3, callbacks=callbacks))
    with pytest.raises(ValueError, match="held-out rows"):
        detector.partial_fit(X)
    assert not hasattr(detector, "estimators_")
    fitted.estimators_[1].set_params(callbacks=callbacks)
    assert_survives(fitted, ValueError, "held-out rows", lambda: fitted.partial_fit(NEW))


def test_bad_levels(fitted):
    levels = (0.0, 0.6, -1.0, np.nan, 1.0)
    calls = [partial(fitted.set_contamination, level) for level in levels]
    assert_survives(fitted, ValueError, "contamination", *calls)


def test_bad_rates(fitted):
    calls = [partial(fitted.select, NEW, fdr=fdr) for fdr in (0.0, 1.0, -0.1, 2.0, np.nan)]
    assert_survives(fitted, ValueError, "fdr", *calls)


@pytest.mark.parametrize("level", ["auto", None, [0.1]])
def test_levels_that_are_no_numbers(fitted, level):
    # "auto" is a level of thresholds, but no rate.
    if level != "auto":
        assert_survives(fitted, TypeError, "contamination", lambda: fitted.set_contamination(level))
    assert_survives(fitted, TypeError, "fdr", lambda: fitted.select(NEW, fdr=level))


def test_too_few_held_out_rows(fitted):
    assert fitted.n_calibration_ == 40
    for level, needed in ((0.01, 99), (1e-3, 999)):
        message = f"contamination={level} needs at least {needed} held-out rows.*n_calibration_=40"
        call = lambda: fitted.set_contamination(level)  # noqa: E731, B023
        assert_survives(fitted, ValueError, message, call)
        message = message.replace("contamination", "fdr")
        call = lambda: fitted.select(NEW, fdr=level)  # noqa: E731, B023
        assert_survives(fitted, ValueError, message, call)


# -- rows ---------------------------------------------------------------------------------


def with_value(value, dtype=np.float64):
    bad = X.astype(dtype)
    bad[3, 1] = value
    return bad


BAD_ROWS = {
    "infinity": (with_value(-np.inf), "X contains infinity"),
    "sparse_nan": (sparse.csr_array(with_value(np.nan)), "X contains NaN"),
    "float32_infinity": (with_value(np.inf, np.float32), "X contains infinity"),
    "no_rows": (X[:0], "0 sample"),
    "one_dimension": (X[0], "Expected 2D array"),
    "three_dimensions": (X[None], "dim 3"),
    "complex": (X.astype(complex), "Complex data not supported"),
}


@pytest.mark.parametrize(("bad", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows(fitted, bad, message):
    calls = [partial(getattr(fitted, method), bad) for method in TRAINING + USE]
    assert_survives(fitted, ValueError, message, *calls)


OF_OTHER_TYPES = {
    "words": (np.full((20, 8), "word"), "could not convert string", (*USE, "partial_fit")),
    # Elsewhere a gap is the mean of its column.
    "nan": (with_value(np.nan), "X contains NaN", ["partial_fit"]),
    "tensor_nan": (torch.from_numpy(with_value(np.nan)), "X contains NaN", ["partial_fit"]),
}


@pytest.mark.parametrize(("bad", "message", "methods"), OF_OTHER_TYPES.values(), ids=OF_OTHER_TYPES)
def test_rows_of_other_types_than_in_fit(fitted, bad, message, methods):
    calls = [partial(getattr(fitted, method), bad) for method in methods]
    assert_survives(fitted, ValueError, message, *calls)


def test_wrong_width(fitted):
    message = "X has 3 features, but AutoencoderOutlierDetector is expecting 8 features"
    calls = [partial(getattr(fitted, method), X[:, :3]) for method in (*USE, "partial_fit")]
    assert_survives(fitted, ValueError, message, *calls)


def test_a_column_that_was_not_there_in_fit():
    named = pd.DataFrame(X, columns=list("abcdefgh"))
    detector = make_detector().fit(named)
    before = detector.score_samples(named)
    for columns, message in ((list("abcdefgz"), "unseen at fit time:\n- z"), (None, "order")):
        other = named.set_axis(columns, axis=1) if columns else named[list("hgfedcba")]
        for method in (*USE, "partial_fit"):
            with pytest.raises(ValueError, match=message):
                getattr(detector, method)(other)
    assert_array_equal(detector.score_samples(named), before)


@pytest.mark.parametrize("method", TRAINING)
@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_too_few_rows(fitted, method, n_samples):
    message = f"n_samples={n_samples}|{n_samples} sample"
    with pytest.raises(ValueError, match=message):
        getattr(make_detector(), method)(X[:n_samples])
    if method == "fit":
        assert_survives(fitted, ValueError, message, lambda: fitted.fit(X[:n_samples]))


def test_codes_of_another_width(fitted):
    message = "X has 3 columns, but the members of AutoencoderOutlierDetector together.*of 6"
    assert_survives(fitted, ValueError, message, lambda: fitted.inverse_transform(X[:, :3]))
    bad = np.full((2, 6), np.nan)
    assert_survives(fitted, ValueError, "X contains NaN", lambda: fitted.inverse_transform(bad))


# -- weights ------------------------------------------------------------------------------

BAD_WEIGHTS = {
    "negative": (np.r_[-1.0, np.ones(99)], "[Nn]egative"),
    "too_short": (np.ones(99), r"sample_weight.shape == \(99,\)"),
    "two_dimensions": (np.ones((100, 2)), "[Ss]ample weights must be 1D"),
    "nan": (np.r_[np.nan, np.ones(99)], "sample_weight contains NaN"),
    "all_zero": (np.zeros(100), "at least one non-zero"),
}


@pytest.mark.parametrize(("weight", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_bad_weights(fitted, weight, message):
    methods = (fitted.fit, fitted.partial_fit, fitted.recalibrate)
    calls = [partial(method, X, sample_weight=weight) for method in methods]
    assert_survives(fitted, ValueError, message, *calls)


@pytest.mark.parametrize("n_left", [1, 3])
def test_weights_that_leave_too_few_rows(fitted, n_left):
    weight = np.where(np.arange(100) < n_left, 1.0, 0.0)
    message = f"sample_weight leaves only {n_left} rows? .* minimum of 4 is required"
    assert_survives(fitted, ValueError, message, lambda: fitted.fit(X, sample_weight=weight))
    with pytest.raises(ValueError, match=message):
        make_detector().partial_fit(X, sample_weight=weight)


# -- before fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*USE, "inverse_transform"])
def test_unfitted(method):
    with pytest.raises(NotFittedError, match="AutoencoderOutlierDetector instance is not fitted"):
        getattr(make_detector(), method)(X)


def test_unfitted_without_rows():
    with pytest.raises(NotFittedError, match="AutoencoderOutlierDetector instance is not fitted"):
        make_detector().set_contamination(0.1)
    with pytest.raises(NotFittedError):
        make_detector().get_feature_names_out()


# -- training that fails half-way ---------------------------------------------------------


class Fails(Callback):
    """Raise at the end of an epoch."""

    def __init__(self, error=RuntimeError, epoch=2):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error("from the callback")


@pytest.mark.parametrize("scoring", SCORINGS)
def test_an_error_in_fit(scoring):
    detector = make_detector(scoring=scoring).fit(X)
    good = detector.autoencoder
    detector.set_params(autoencoder=clone(good).set_params(callbacks=[Fails()]))
    assert_survives(detector, RuntimeError, "from the callback", lambda: detector.fit(NEW))
    before = answers(detector, NEW[:5])
    detector.set_params(autoencoder=good)
    assert_same(before, answers(detector.fit(X), NEW[:5]))


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_one_member_leaves_all_as_they_were(fitted, trained_further, failing):
    member = fitted.estimators_[failing]
    member.set_params(callbacks=[Fails(epoch=1)])
    call = lambda: fitted.partial_fit(NEW)  # noqa: E731
    assert_survives(fitted, RuntimeError, "from the callback", call)
    member.set_params(callbacks=None)
    assert_same(trained_further, answers(fitted.partial_fit(NEW), X[:5]))


def test_an_error_in_the_first_chunk():
    failing = clone(LINEAR).set_params(callbacks=[Fails(epoch=1)])
    detector = make_detector(failing)
    with pytest.raises(RuntimeError, match="from the callback"):
        detector.partial_fit(X)
    assert not hasattr(detector, "estimators_")
    assert not hasattr(detector, "n_features_in_")


def test_an_interrupt_keeps_what_was_learned():
    interrupted = clone(LINEAR).set_params(callbacks=[Fails(KeyboardInterrupt)])
    detector = make_detector(interrupted)
    with pytest.warns(UserWarning, match="interrupted after"):
        detector.fit(X)
    assert np.isfinite(detector.score_samples(NEW)).all()
    assert np.isfinite(weights_of(detector)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector.set_params(autoencoder=LINEAR).fit(X)


def test_parameters_are_stored_as_given():
    autoencoder = DenoisingAutoencoder()
    detector = AutoencoderOutlierDetector(autoencoder, cv=3)
    assert detector.get_params(deep=False)["autoencoder"] is autoencoder
    assert detector.get_params()["autoencoder__noise"] == autoencoder.noise
    with pytest.raises(ValueError, match="Invalid parameter 'contaminated'"):
        detector.set_params(contaminated=0.1)


def test_parameters_of_an_autoencoder_that_is_not_there_yet():
    detector = AutoencoderOutlierDetector()
    with pytest.raises(ValueError, match=r"autoencoder__max_iter cannot be set: autoencoder=None"):
        detector.set_params(autoencoder__max_iter=3)
    detector.set_params(autoencoder=AutoencoderTransformer(), autoencoder__max_iter=3)
    assert detector.autoencoder.max_iter == 3
