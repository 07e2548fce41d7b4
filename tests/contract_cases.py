"""Estimators, and the checks of scikit-learn that each goes through."""

import inspect
from unittest import SkipTest

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_checks
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
