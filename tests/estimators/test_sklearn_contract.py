"""scikit-learn's contract: every check that scikit-learn has for a transformer.

Every public estimator that is fitted on rows alone has to pass the contract; what only the code
of a base class answers, one estimator of each base is asked. No check is marked as an expected
failure, and one that skips itself fails here, unless it is about an array library or a device
that is not there.
"""

import inspect
from itertools import cycle
from unittest import SkipTest

import numpy as np
import pytest
from contract_cases import (
    CLASSES,
    DEFAULTS,
    EXTRA_CHECKS,
    MIXED_NAMES,
    OF_FRAMES,
    OF_NUMBERS,
    PUBLIC,
    SMALL,
    VARIANTS,
    brief,
    generated,
    is_of_the_base,
    name_of,
    run,
    short,
    the_checks_of_numbers,
    the_whole_contract,
)
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import skae
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)
from skae.estimators.base import BaseAutoencoder


@pytest.mark.parametrize(("estimator", "check"), [*the_whole_contract()])
def test_check(estimator, check):
    run(check, estimator)


@pytest.mark.parametrize(("estimator", "check"), [*the_checks_of_numbers()])
def test_check_of_numbers(estimator, check):
    run(check, estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        *generated(
            AutoencoderTransformer(),
            lambda c: name_of(c) == "check_transformer_general" and not is_of_the_base(c),
        ),
        *generated(
            AutoencoderOutlierDetector(n_estimators=1),
            lambda c: name_of(c) == "check_outliers_fit_predict",
        ),
    ],
)
def test_check_at_the_defaults(estimator, check):
    run(check, estimator)


@pytest.mark.filterwarnings(MIXED_NAMES)
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{short(estimator)}-{name_of(check)}")
        for estimator in DEFAULTS
        for check in [*EXTRA_CHECKS, *OF_FRAMES.get(type(estimator), [])]
    ],
)
def test_extra_check(estimator, check):
    run(check, type(estimator).__name__, estimator)


def test_every_estimator_is_checked():
    """Only those around a fitted estimator are left out, and no check of numbers is unknown."""
    left_out = {c for c in PUBLIC if isinstance(c, type) and issubclass(c, BaseEstimator)}
    assert left_out - {*CLASSES} == {skae.Decoder, skae.DriftDetector, skae.Encoder}
    checks = [name_of(c) for e in DEFAULTS for _, c in estimator_checks_generator(e)]
    of_positive = estimator_checks_generator(AutoencoderTransformer(loss="poisson"))
    assert {*checks, *(name_of(c) for _, c in of_positive)} >= OF_NUMBERS


def test_no_estimator_replaces_what_the_first_of_its_base_answers():
    """So that the checks of the code of a base say something of all estimators on it."""
    public = [name for name, _ in inspect.getmembers(BaseAutoencoder, inspect.isfunction)]
    # scikit-learn makes its own methods that begin with "set_" for each class anew.
    shared = {name for name in public if not name.startswith(("_", "set_"))} | {"_validated"}
    assert {"fit", "partial_fit", "transform", "score", "get_feature_names_out"} <= shared
    for cls in CLASSES:
        if issubclass(cls, BaseAutoencoder):
            replaced = {n for n in shared if getattr(cls, n) is not getattr(BaseAutoencoder, n)}
            # Those that take classes do as their base where there are none, which the checks of
            # numbers ask of them.
            of_classes = {"_validated", "inverse_transform", "reconstruct", "sample", "score"}
            takes_classes = "conditional" in inspect.signature(cls).parameters
            assert replaced == (of_classes | {"score_samples"} if takes_classes else set())


def test_the_checks_of_pca_are_the_checks_here():
    """What scikit-learn asks of PCA, it asks of an autoencoder, and a little more."""
    mine = {name_of(check) for _, check in estimator_checks_generator(AutoencoderTransformer())}
    of_pca = {name_of(check) for _, check in estimator_checks_generator(PCA())}
    # PCA refuses gaps.
    assert of_pca - mine == {"check_estimators_nan_inf"}
    assert "check_sample_weight_equivalence_on_sparse_data" in mine


def test_the_checks_of_isolation_forest_are_the_checks_here():
    detector = brief(AutoencoderOutlierDetector)
    mine = {name_of(check) for _, check in estimator_checks_generator(detector)}
    of_forest = {name_of(check) for _, check in estimator_checks_generator(IsolationForest())}
    assert of_forest <= mine
    assert {"check_outliers_train", "check_outliers_fit_predict"} <= of_forest


TAKE_TENSORS = [one for one in [*DEFAULTS, *VARIANTS] if get_tags(one).array_api_support]
PLAIN = AutoencoderTransformer(init="random", **SMALL)


# The base reads both types, so the estimators take turns, and one goes through both.
@pytest.mark.parametrize(
    ("estimator", "dtype"),
    [
        *zip(TAKE_TENSORS, cycle(["float32", "float64"]), strict=False),
        (PLAIN, "float32"),
        (PLAIN, "float64"),
    ],
    ids=lambda one: one if isinstance(one, str) else short(one),
)
def test_tensors_give_the_values_of_arrays(estimator, dtype):
    estimator_checks.check_array_api_input_and_values(
        type(estimator).__name__, estimator, "torch", device_name="cpu", dtype_name=dtype
    )


def test_a_skipped_check_is_seen():
    def skips(estimator):
        raise SkipTest("a reason")

    with pytest.raises(pytest.fail.Exception, match="skips was skipped: a reason"):
        run(skips, AutoencoderTransformer())


@pytest.fixture(scope="module")
def table():
    rng = np.random.RandomState(0)
    return rng.normal(size=(150, 3)) @ rng.normal(size=(3, 6)) + 5


@pytest.mark.parametrize("fitted_on", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_dtype_is_kept(table, fitted_on, loss):
    table = np.abs(table)
    ae = AutoencoderTransformer(2, loss=loss, random_state=0, **SMALL)
    ae.fit(table.astype(fitted_on))
    for dtype in (np.float32, np.float64):
        X = table.astype(dtype)
        codes = ae.transform(X)
        assert codes.dtype == dtype
        assert ae.inverse_transform(codes).dtype == dtype
        assert ae.reconstruct(X).dtype == dtype
        # scikit-learn wants scores in float64 whatever the rows are.
        assert ae.score_samples(X).dtype == np.float64
    for other in (np.int64, np.float16):
        assert ae.transform(table.astype(other)).dtype == np.float64


@pytest.mark.parametrize("batch_size", ["auto", 150, 40])
def test_float32_and_float64_agree(table, batch_size):
    """Fits of the same table in both dtypes differ only by rounding.

    Plain gradient descent, because Adam divides small gradients by their own size, which
    makes more of rounding.
    """
    params = SMALL | {"optimizer": "sgd", "learning_rate_init": 0.05, "early_stopping": False}
    params |= {"batch_size": batch_size, "random_state": 0}
    single = AutoencoderTransformer(2, **params).fit(table.astype(np.float32))
    double = AutoencoderTransformer(2, **params).fit(table)
    X = table[:20]
    rounding = {"rtol": 0, "atol": 1e-3}
    np.testing.assert_allclose(single.transform(X), double.transform(X), **rounding)
    np.testing.assert_allclose(single.reconstruct(X), double.reconstruct(X), **rounding)
    np.testing.assert_allclose(single.score_samples(X), double.score_samples(X), **rounding)
    # The control: another seed is farther away than rounding.
    other = AutoencoderTransformer(2, **params | {"random_state": 1, "init": "random"}).fit(table)
    assert np.abs(other.reconstruct(X) - double.reconstruct(X)).max() > 20 * rounding["atol"]


@pytest.mark.parametrize("fitted_on", [np.float32, np.float64])
def test_one_model_gives_the_same_for_both_dtypes(table, fitted_on):
    ae = AutoencoderTransformer(2, random_state=0, **SMALL).fit(table.astype(fitted_on))
    single, double = table.astype(np.float32), table
    np.testing.assert_allclose(ae.transform(single), ae.transform(double), atol=1e-5)
    np.testing.assert_allclose(ae.reconstruct(single), ae.reconstruct(double), rtol=1e-5)
    np.testing.assert_allclose(
        ae.score_samples(single), ae.score_samples(double), rtol=1e-4, atol=1e-5
    )
