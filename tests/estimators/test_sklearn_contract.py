"""scikit-learn's contract: every check that scikit-learn has for a transformer.

No check is marked as an expected failure, and one that skips itself fails here, unless it is
about an array library or a device that is not there.
"""

from contextlib import contextmanager
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.base import BaseAutoencoder
from skae.networks import SequenceNetwork

# The contract asks for no good fit, so what is not at its defaults trains as little as it can.
BRIEF = {"max_iter": 2}
SMALL = {"hidden_layer_sizes": (7,)} | BRIEF

CONFIGURATIONS = [
    AutoencoderTransformer(),
    AutoencoderTransformer(hidden_layer_sizes=(), **BRIEF),
    AutoencoderTransformer(init="random", normalization="layer", activation="tanh", **SMALL),
    # loss="log_loss" is not among them: the checks' data leave [0, 1], and no tag says so.
    AutoencoderTransformer(loss="poisson", alpha=1e-3, **SMALL),
    SparseAutoencoder(12, **BRIEF),
    SparseAutoencoder(penalty="kl", **SMALL),
    ContractiveAutoencoder(**SMALL),
    ConvolutionalAutoencoder(channels=(4, 8), hidden_layer_sizes=(8,), **BRIEF),
    AutoencoderTransformer(network=SequenceNetwork(kind="gru", hidden_size=8), **BRIEF),
]

NOISY = [
    AutoencoderTransformer(normalization="batch", dropout=0.2, **SMALL),
    DenoisingAutoencoder(**SMALL),
    VariationalAutoencoder(free_bits=0.1, n_draws=10, **SMALL),
    AdversarialAutoencoder(prior="mixture", **SMALL),
    ContractiveAutoencoder(hidden_layer_sizes=(7, 5), **BRIEF),
    NestedAutoencoder(**SMALL),
    # What a batch keeps, and how many units have a turn in it, depends on the number of its rows.
    SparseAutoencoder(penalty="batch_top_k", **SMALL),
]

# A new public autoencoder is checked by its name alone.
LISTED = {type(one) for one in CONFIGURATIONS + NOISY}
PUBLIC = [getattr(skae, name) for name in skae.__all__]
AUTOENCODERS = [c for c in PUBLIC if isinstance(c, type) and issubclass(c, BaseAutoencoder)]
NOISY += [kind(**SMALL) for kind in AUTOENCODERS if kind not in LISTED]

# Rows are drawn at random, so these are noisy, too.
DETECTORS = [
    AutoencoderOutlierDetector(DenoisingAutoencoder(**SMALL), n_estimators=2),
    AutoencoderOutlierDetector(
        AutoencoderTransformer(loss="huber", **SMALL),
        scoring="reconstruction",
        contamination=0.1,
        n_estimators=1,
    ),
    AutoencoderOutlierDetector(
        SparseAutoencoder(**SMALL), scoring="mahalanobis", n_estimators=2, max_samples=0.5
    ),
    AutoencoderOutlierDetector(
        VariationalAutoencoder(noise_variance=0.1, n_draws=5, **SMALL),
        scoring="likelihood",
        n_estimators=1,
    ),
]

# Not run by scikit-learn's generator of checks, but applied by its own tests.
EXTRA_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_estimators_partial_fit_n_features,
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_global_set_output_transform_polars,
    estimator_checks.check_inplace_ensure_writeable,
    estimator_checks.check_param_validation,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_set_output_transform_polars,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
]

# The set_output checks fit with names and transform without, or the reverse, on purpose; any
# transformer of scikit-learn warns there.
MIXED_NAMES = "ignore:X (does not have valid|has) feature names:UserWarning"


def name_of(check):
    """The name of a check, which the generator wraps in partials."""
    while hasattr(check, "func"):
        check = check.func
    return check.__name__


def short(estimator):
    """The representation of an estimator on one line."""
    return repr(estimator).replace("\n", "").replace("  ", "")


def run(check, *args):
    """Run a check; one that skips itself for want of anything but a device or library fails."""
    try:
        check(*args)
    except SkipTest as reason:
        if name_of(check).startswith("check_array_api"):
            pytest.skip(str(reason))
        pytest.fail(f"{name_of(check)} was skipped: {reason}")


@contextmanager
def data_of_the_checks_in(dtype):
    """Cast the floating point data that the checks generate.

    The checks generate float64 and pass it through one function before use.
    """
    adapt = estimator_checks._enforce_estimator_tags_X

    def adapt_and_cast(estimator, X, *args, **kwargs):
        X = adapt(estimator, X, *args, **kwargs)
        return X.astype(dtype) if getattr(X, "dtype", None) == np.float64 else X

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimator_checks, "_enforce_estimator_tags_X", adapt_and_cast)
        yield


def generated(estimator, without=()):
    """The generator's checks for one estimator, as parameters with short names."""
    return [
        pytest.param(instance, check, id=name_of(check))
        for instance, check in estimator_checks_generator(estimator)
        if name_of(check) not in without
    ]


@parametrize_with_checks(CONFIGURATIONS)
def test_check(estimator, check):
    run(check, estimator)


# Noise and batch statistics treat one row of weight two and two equal rows differently.
OF_WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [pair for one in [*NOISY, *DETECTORS] for pair in generated(one, without=OF_WEIGHTS)],
)
def test_check_with_noise_or_batch_statistics(estimator, check):
    run(check, estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pair
        for pair in generated(AutoencoderOutlierDetector(n_estimators=2))
        if "outliers" in pair.id
    ],
)
def test_check_of_outliers_at_the_defaults(estimator, check):
    run(check, estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        # A dense one, one with features that are never negative, and a recurrent one.
        *(pair for i in (2, 3, 8) for pair in generated(CONFIGURATIONS[i])),
        *generated(DETECTORS[1], without=OF_WEIGHTS),
    ],
)
def test_check_on_float32(estimator, check):
    with data_of_the_checks_in(np.float32):
        run(check, estimator)


@pytest.mark.filterwarnings(MIXED_NAMES)
@pytest.mark.parametrize(
    "estimator",
    # One of each class: parameters make no difference to how its answers leave.
    list({type(one): one for one in [*CONFIGURATIONS, *NOISY, *DETECTORS]}.values()),
    ids=short,
)
@pytest.mark.parametrize("check", EXTRA_CHECKS, ids=name_of)
def test_extra_check(estimator, check):
    run(check, type(estimator).__name__, estimator)


@pytest.mark.filterwarnings(MIXED_NAMES)
@pytest.mark.parametrize("check", EXTRA_CHECKS, ids=name_of)
def test_extra_check_on_float32(check):
    with data_of_the_checks_in(np.float32):
        run(check, "AutoencoderTransformer", CONFIGURATIONS[2])


def test_the_checks_of_pca_are_the_checks_here():
    """What scikit-learn asks of PCA, it asks of an autoencoder, and a little more."""
    mine = {name_of(check) for _, check in estimator_checks_generator(AutoencoderTransformer())}
    of_pca = {name_of(check) for _, check in estimator_checks_generator(PCA())}
    assert of_pca <= mine
    assert "check_sample_weight_equivalence_on_sparse_data" in mine


def test_the_checks_of_isolation_forest_are_the_checks_here():
    mine = {name_of(check) for _, check in estimator_checks_generator(DETECTORS[0])}
    of_forest = {name_of(check) for _, check in estimator_checks_generator(IsolationForest())}
    assert of_forest <= mine
    assert {"check_outliers_train", "check_outliers_fit_predict"} <= of_forest


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", CONFIGURATIONS, ids=short)
def test_tensors_give_the_values_of_arrays(estimator, dtype):
    estimator_checks.check_array_api_input_and_values(
        "AutoencoderTransformer", estimator, "torch", device_name="cpu", dtype_name=dtype
    )


def test_a_skipped_check_is_seen():
    def skips(estimator):
        raise SkipTest("a reason")

    with pytest.raises(pytest.fail.Exception, match="skips was skipped: a reason"):
        run(skips, AutoencoderTransformer())


def test_data_of_the_checks_can_be_float32():
    seen = []

    class Spy(AutoencoderTransformer):
        def fit(self, X, y=None):
            seen.append(X.dtype)
            return super().fit(X)

    with data_of_the_checks_in(np.float32):
        estimator_checks.check_fit_check_is_fitted("Spy", Spy(**SMALL))
    estimator_checks.check_fit_check_is_fitted("Spy", Spy(**SMALL))
    assert seen == [np.float32, np.float64]


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
