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
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.base import BaseAutoencoder
from skae.networks import SequenceNetwork

# The contract asks for no good fit, so training is as short as it can be.
BRIEF = {"max_iter": 2}
SMALL = {"hidden_layer_sizes": (7,)} | BRIEF
ONE_MEMBER = {"n_estimators": 1, "cv": 2}
SMALLEST = {"hidden_layer_sizes": (5,), "max_iter": 1}
SMALL_IF_KNOWN = SMALLEST | {"channels": (2, 4), "n_draws": 5, "discriminator_layer_sizes": (4,)}


def brief(cls):
    """Return an instance at the defaults, but for a network and a training that are small."""
    known = inspect.signature(cls).parameters
    if cls in (AutoencoderClassifier, AutoencoderRegressor):
        # A check of class weights trains for a thousand epochs; one step in each is enough.
        inner = AutoencoderTransformer(10, hidden_layer_sizes=(), max_iter=1)
        return cls(inner, batch_size=50, **BRIEF)
    if "autoencoder" in known:
        return cls(AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1), **ONE_MEMBER)
    if cls is AutoencoderImputer:
        # Its networks are no part of the conventions, and always take 1,500 steps.
        return cls(max_iter=0)
    return cls(**{name: value for name, value in SMALL_IF_KNOWN.items() if name in known})


def needs_a_fitted_model(cls):
    """Whether a class is constructed around a fitted estimator, as `Encoder` is."""
    return any(p.default is p.empty for p in inspect.signature(cls).parameters.values())


PUBLIC = [getattr(skae, name) for name in skae.__all__]
CLASSES = [
    cls
    for cls in PUBLIC
    if inspect.isclass(cls) and issubclass(cls, BaseEstimator) and not needs_a_fitted_model(cls)
]
DEFAULTS = [brief(cls) for cls in CLASSES]

# One of each base class. They go through every check; the others skip those of code that is the
# base's alone: how tables are read and held, and how frames leave.
OF_EACH_BASE = (
    AutoencoderTransformer,
    AutoencoderOutlierDetector,
    AutoencoderImputer,
    AutoencoderClassifier,
    AutoencoderRegressor,
)
OF_THE_BASE = {
    "check_array_api_mixed_inputs",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_dtypes",
    "check_estimators_nan_inf",
    "check_fit_score_takes_y",
    "check_pipeline_consistency",
    "check_transformer_data_not_an_array",
}

# Classes of which a row of weight two is the same as two equal rows. Elsewhere noise, statistics
# of batches and members on drawn rows tell them apart.
WEIGHTS_ARE_REPEATS = (
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
)
OF_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}

# Values of parameters that lead through other code: all values in few estimators.
VARIANTS = [
    AutoencoderTransformer(hidden_layer_sizes=(), loss="huber", **BRIEF),
    AutoencoderTransformer(init="random", normalization="layer", activation="tanh", **SMALL),
    # loss="log_loss" is not among them: the checks' data leave [0, 1], and no tag says so.
    AutoencoderTransformer(loss="poisson", alpha=1e-3, **SMALL),
    AutoencoderTransformer(loss="negative_binomial", **SMALL),
    AutoencoderTransformer(network=SequenceNetwork(kind="gru", hidden_size=4), **BRIEF),
    SparseAutoencoder(penalty="kl", **SMALL),
]
NOISY_VARIANTS = [
    AutoencoderTransformer(normalization="batch", dropout=0.2, **SMALL),
    ContractiveAutoencoder(hidden_layer_sizes=(7, 5), **BRIEF),
    # What a batch keeps, and how many units have a turn in it, depends on the number of its rows.
    SparseAutoencoder(penalty="batch_top_k", **SMALL),
    AutoencoderOutlierDetector(
        AutoencoderTransformer(loss="huber", **SMALLEST),
        scoring="reconstruction",
        contamination=0.1,
        **ONE_MEMBER,
    ),
    AutoencoderOutlierDetector(
        SparseAutoencoder(4, **SMALLEST),
        scoring="mahalanobis",
        max_samples=0.5,
        **ONE_MEMBER | {"n_estimators": 2},
    ),
    AutoencoderOutlierDetector(
        VariationalAutoencoder(noise_variance=0.1, n_draws=5, **SMALLEST),
        scoring="likelihood",
        **ONE_MEMBER,
    ),
]
# Checks of signatures, tags, containers, types and refused rows do not see these parameters.
OF_NUMBERS = OF_WEIGHTS | {
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_outliers_fit_predict",
    "check_outliers_train",
    "check_positive_only_tag_during_fit",
    "check_transformer_general",
}

# Not run by scikit-learn's generator of checks, but applied by its own tests.
EXTRA_CHECKS = [
    estimator_checks.check_estimators_partial_fit_n_features,
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_param_validation,
]
EXTRA_CHECKS_OF_EACH_BASE = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_inplace_ensure_writeable,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
]
# They go through both libraries and both ways to ask for them.
OF_FRAMES = {
    AutoencoderTransformer: [
        *EXTRA_CHECKS_OF_EACH_BASE,
        estimator_checks.check_set_output_transform_pandas,
        estimator_checks.check_global_set_output_transform_polars,
    ],
    AutoencoderOutlierDetector: [
        *EXTRA_CHECKS_OF_EACH_BASE,
        estimator_checks.check_set_output_transform_polars,
        estimator_checks.check_global_output_transform_pandas,
    ],
    AutoencoderImputer: [
        *EXTRA_CHECKS_OF_EACH_BASE,
        estimator_checks.check_set_output_transform_pandas,
        estimator_checks.check_global_set_output_transform_polars,
    ],
    AutoencoderClassifier: [
        *EXTRA_CHECKS_OF_EACH_BASE,
        estimator_checks.check_set_output_transform_pandas,
    ],
    # Its scores are its own.
    VariationalAutoencoder: [estimator_checks.check_dataframe_column_names_consistency],
}

# The set_output checks fit with names and transform without, or the reverse, on purpose; any
# transformer of scikit-learn warns there.
MIXED_NAMES = "ignore:X (does not have valid|has) feature names:UserWarning"


def parts_of(check):
    """The name of a check, which the generator wraps in partials, and what it is called with."""
    keywords = {}
    while hasattr(check, "func"):
        keywords = check.keywords | keywords
        check = check.func
    return check.__name__, keywords


def name_of(check):
    """The name of a check."""
    return parts_of(check)[0]


def short(estimator):
    """The representation of an estimator on one line."""
    return " ".join(repr(estimator).split())


def run(check, *args):
    """Run a check; one that skips itself for want of anything but a device or library fails."""
    try:
        check(*args)
    except SkipTest as reason:
        if name_of(check).startswith("check_array_api"):
            pytest.skip(str(reason))
        pytest.fail(f"{name_of(check)} was skipped: {reason}")


def is_of_the_base(check):
    """Whether what a check asks is answered by the code of the base class alone."""
    name, keywords = parts_of(check)
    if name == "check_array_api_input":
        library, dtype = keywords["array_namespace"], keywords.get("dtype_name")
        return library == "numpy" or (library == "array_api_strict" and dtype == "float32")
    return name in OF_THE_BASE or "readonly_memmap" in keywords


def is_checked_with_values(check):
    """Whether `test_tensors_give_the_values_of_arrays` asks the same and more."""
    name, keywords = parts_of(check)
    tensors = ("check_array_api_input", "torch", "cpu")
    return (name, keywords.get("array_namespace"), keywords.get("device_name")) == tensors


def asks_for_rounds_of_none(estimator, check):
    """Whether a check wants an iteration of an imputer that was asked for none."""
    no_rounds = isinstance(estimator, AutoencoderImputer) and estimator.max_iter == 0
    return no_rounds and name_of(check) == "check_transformer_n_iter"


def marks_a_class_of_the_check(estimator, check):
    """Whether a check has -1 as a class, which in semi-supervised classifiers is no label.

    scikit-learn spares its own by their names.
    """
    return (
        isinstance(estimator, AutoencoderClassifier)
        and name_of(check) == "check_classifiers_classes"
    )


def generated(estimator, wanted):
    """The generator's checks for one estimator, as parameters with short names."""
    name = short(estimator)
    for instance, check in estimator_checks_generator(estimator):
        if wanted(check):
            yield pytest.param(instance, check, id=f"{name}-{name_of(check)}")


def the_whole_contract():
    for estimator in DEFAULTS:
        exact = type(estimator) in WEIGHTS_ARE_REPEATS
        whole = type(estimator) in OF_EACH_BASE
        yield from generated(
            estimator,
            lambda check, estimator=estimator, exact=exact, whole=whole: (
                (exact or name_of(check) not in OF_WEIGHTS)
                and (whole or not is_of_the_base(check))
                and not is_checked_with_values(check)
                and not asks_for_rounds_of_none(estimator, check)
                and not marks_a_class_of_the_check(estimator, check)
            ),
        )


def the_checks_of_numbers():
    for estimator in (*VARIANTS, *NOISY_VARIANTS):
        names = OF_NUMBERS - OF_WEIGHTS if estimator in NOISY_VARIANTS else OF_NUMBERS
        yield from generated(
            estimator,
            lambda check, names=names: name_of(check) in names and not is_of_the_base(check),
        )


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
