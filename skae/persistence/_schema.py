"""What each class in a model file is made of: fitted attributes, beside the parameters.

A size that is named twice must be the same in both places; see `_fields`.
"""

import inspect
import math

from ._fields import (
    array,
    count,
    dict_of,
    either,
    finite,
    flag,
    list_of,
    names,
    number,
    one_of,
    optional,
    positive,
    record,
    refuse,
    table,
    text,
    tuple_of,
)
from ._registry import AUTOENCODERS, CLASSES, DETECTOR, ESTIMATORS
from ._schema_of_nets import net, network, sizes_of
from ._tree import Stored

# -- parts --------------------------------------------------------------------------------


def part(*classes, **attributes):
    """Return a field for an object of one of some classes with these attributes."""
    check_attributes = record(**attributes)

    def field(value, sizes, where):
        _check_class(value, classes, where)
        check_attributes(value.state, sizes, where)

    return field


def estimator(*classes, half=None):
    """Return a field for a fitted estimator of one of some classes, or for half of one."""

    def field(value, sizes, where):
        _check_class(value, classes, where)
        # The number of columns is that of what holds it, all other sizes are its own.
        own = {size: n for size, n in sizes.items() if size == "n_features"}
        _check_estimator(value, own, where, half)

    return field


def _unfitted(value, sizes, where):
    """An autoencoder that others are copies of."""
    _check_class(value, AUTOENCODERS, where)
    if "net_" in value.state:
        # Its columns may be others.
        _check_estimator(value, {}, where, None)
    else:
        _check_names(value, {}, where)
        _check_parameters(value.state, where)


def _check_class(value, classes, where):
    if not isinstance(value, Stored) or value.name not in classes:
        refuse(where, getattr(value, "name", value), f"one of {', '.join(classes)}")


# -- autoencoders -------------------------------------------------------------------------


def _row_shape(value, sizes, where):
    sizes_of(value, sizes, where)
    if math.prod(value) != sizes["n_features"]:
        refuse(where, value, f"a shape of {sizes['n_features']} values")


def _shares(value, sizes, where):
    array("float", "n_kinds")(value, sizes, where)
    if len(value) == 0 or value.min() < 0 or abs(value.sum() - 1) > 1e-6:
        refuse(where, value.tolist(), "shares of one")


_NUMBERS = list_of(number)
_OF_CODES = array("float", "n_components")
_MIXTURE = tuple_of(
    _shares,
    array("float", "n_kinds", "n_components"),
    either(
        array("float", "n_kinds", "n_components", "n_components"),
        array("float", "n_kinds", "n_components"),
    ),
)
_SOME_CODES = tuple_of(array("float", "n_codes", "n_components"), array("float", "n_codes"))

_AUTOENCODER = {
    "n_features_in_": count(1, "n_features"),
    "n_components_": count(1, "n_components"),
    "has_linear_path_": flag,
    "network_": network,
    "mean_": array("float", "n_features"),
    "scale_": positive,
    "loss_": number,
    "loss_curve_": _NUMBERS,
    "validation_loss_curve_": optional(_NUMBERS),
    "best_validation_loss_": optional(number),
    "n_iter_": count(0),
    "_row_shape": optional(_row_shape),
    "_code_moments": tuple_of(positive, _OF_CODES, _OF_CODES),
    "_some_codes": optional(_SOME_CODES),
    "_mixture": optional(_MIXTURE),
}
_VARIANTS = {
    "DenoisingAutoencoder": {"_extremes": optional(array("float", 2, "n_features"))},
    "NestedAutoencoder": {"_losses": _NUMBERS, "explained_variance_ratio_": _OF_CODES},
    "SparseAutoencoder": {"mean_activation_": _OF_CODES, "dead_fraction_": finite},
    "VariationalAutoencoder": {
        "_first_noise": positive,
        "noise_variance_": optional(number),
        "active_units_": count(0),
    },
}


def _check_nested(state, where):
    if len(state["_losses"]) != state["n_components_"] + 1:
        refuse(where, state["_losses"], f"losses of 0 to {state['n_components_']} components")


# -- detectors ----------------------------------------------------------------------------


_GAUSSIAN = part(
    "Gaussian",
    center=array("float", "n_values"),
    whitening=array("float", "n_values", "n_values"),
    penalty=finite,
)
_GAUSSIANS = part(
    "RobustGaussians",
    most_kinds=count(0),
    least_scale=finite,
    unit_=array("float", "n_values"),
    all_=_GAUSSIAN,
    partitions_=list_of(list_of(_GAUSSIAN, at_least=1)),
)


def _score(value, sizes, where):
    own = {size: n for size, n in sizes.items() if size == "n_features"}
    either(
        part("LikelihoodScore"),
        part("ReconstructionScore", residual_scale_=array("float", "n_features")),
        part("MahalanobisScore", "MixtureScore", _gaussians=_GAUSSIANS),
    )(value, own, where)


_OF_COLUMNS = array("float", "n_features")
# Losses that need the data's own unit leave cells as they are: no bound is infinite.
_BOUNDS = array("float", "n_features", may_be_infinite=True)
_HELD_OUT = tuple_of(array("int", None), array("float", None), array("float", None))
_DETECTOR = {
    "n_features_in_": count(1, "n_features"),
    "autoencoder": optional(_unfitted),
    "estimators_": list_of(estimator(*AUTOENCODERS), at_least=1),
    "scale_": _OF_COLUMNS,
    "offset_": finite,
    "max_samples_": count(1),
    "n_samples_seen_": count(1),
    "n_calibration_": count(1),
    "_seed": count(0),
    "_level": either(one_of("auto"), finite),
    "_folds": part("Folds", n_folds=count(1), left_out=array("int", "n_members")),
    "_scaling": part(
        "ColumnScaling", scale=_OF_COLUMNS, center=_OF_COLUMNS, _low=_BOUNDS, _high=_BOUNDS
    ),
    "_scores": list_of(_score),
    "_calibration": part("Calibration", _groups=list_of(_HELD_OUT, at_least=1)),
    "_kept": tuple_of(table, array("float", "n_rows"), array("int", "n_rows")),
}


def _check_detector(state, where):
    """Compare what the fields cannot: members with one another, and with the held-out rows."""
    members, scores, folds = state["estimators_"], state["_scores"], state["_folds"].state
    n_members = len(folds["left_out"])
    if not len(members) == len(scores) == n_members:
        refuse(where, [len(members), len(scores), n_members], "members of one number")
    _check_indices(folds["left_out"], folds["n_folds"], where)
    for member, score in zip(members, scores, strict=True):
        gaussians = score.state.get("_gaussians")
        n_values = member.state["n_features_in_"] + member.state["n_components_"]
        if gaussians is not None and len(gaussians.state["unit_"]) != n_values:
            refuse(where, len(gaussians.state["unit_"]), f"Gaussians of {n_values} values")
    n_held_out = 0
    for asked, unusual, above in state["_calibration"].state["_groups"]:
        _check_indices(asked, n_members, where)
        n_held_out += len(unusual)
        if len(above) != len(unusual) + 1 or above[0] <= 0:
            refuse(where, above, f"weights of {len(unusual)} rows")
    if n_held_out != state["n_calibration_"]:
        refuse(where, n_held_out, f"n_calibration_={state['n_calibration_']} rows")


def _check_indices(found, n, where):
    if len(found) == 0 or found.min() < 0 or found.max() >= n:
        refuse(where, found.tolist(), f"indices below {n}")


_DRIFT_DETECTOR = {
    "model": estimator(*AUTOENCODERS, DETECTOR),
    "scores_": array("float", "n_reference"),
    "codes_": array("float", "n_reference", "n_codes"),
    "_seed": count(0),
}


def _check_drift_detector(state, where):
    model = state["model"].state
    members = [member.state for member in model.get("estimators_", [])] or [model]
    n_codes = sum(member["n_components_"] for member in members)
    if state["codes_"].shape[1] != n_codes:
        refuse(where, state["codes_"], f"codes of {n_codes} values, as of its model")


# -- estimators ---------------------------------------------------------------------------


_FITTED = {
    **{name: _AUTOENCODER | _VARIANTS.get(name, {}) for name in AUTOENCODERS},
    DETECTOR: _DETECTOR,
    "DriftDetector": _DRIFT_DETECTOR,
    "Encoder": {"autoencoder": estimator(*AUTOENCODERS, half="encoder")},
    "Decoder": {"autoencoder": estimator(*AUTOENCODERS, half="decoder")},
}
_COMPARED = {
    DETECTOR: _check_detector,
    "DriftDetector": _check_drift_detector,
    "NestedAutoencoder": _check_nested,
}

# What may be there or not: what `fit` and `set_output` leave only at times.
_OPTIONAL = {
    "feature_names_in_": names,
    "_sklearn_output_config": dict_of(text, one_of(None, "default", "pandas", "polars")),
}


def defaults_of(name):
    """Return the parameters of an estimator, with their defaults."""
    parameters = inspect.signature(CLASSES[name]).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def check_fitted(stored):
    """Check that something is a fitted estimator, before anything is made of it.

    Raises
    ------
    ModelFileError
        If it is not.
    """
    _check_class(stored, ESTIMATORS, "model")
    _check_estimator(stored, {}, stored.name, None)


def _check_estimator(stored, sizes, where, half):
    fields = _FITTED[stored.name]
    if stored.name in AUTOENCODERS:
        fields = {**fields, "net_": net(half), "_fitted_params": _parameters(stored.name)}
    _check_names(stored, fields, where)
    _check_parameters(stored.state, where)
    for attribute, field in (fields | _OPTIONAL).items():
        if attribute in stored.state:
            field(stored.state[attribute], sizes, f"{where}.{attribute}")
    if stored.name in _COMPARED:
        _COMPARED[stored.name](stored.state, where)


def _check_names(stored, fitted, where):
    """Check that an estimator has all fitted attributes, and no others but its parameters.

    A parameter that is not there was not yet there when the file was written: it has its default.
    """
    parameters = defaults_of(stored.name)
    needed = {*fitted, *(name for name, value in parameters.items() if value is inspect._empty)}
    found = stored.state.keys() - _OPTIONAL.keys()
    wrong = (needed - found) | (found - needed - parameters.keys())
    if wrong:
        refuse(where, sorted(wrong), "all attributes of its class and no others")


def _parameters(name):
    """Return a field for the parameters that an estimator of a class was fitted with."""

    def field(value, sizes, where):
        _check_parameters(value, where)
        if not value.keys() <= defaults_of(name).keys():
            refuse(where, sorted(value.keys() - defaults_of(name).keys()), "parameters alone")

    return field


def _check_parameters(state, where):
    """Check what may be in parameters; whether they may have these values is asked later."""
    if not isinstance(state, dict):
        refuse(where, state, "parameters")
    if isinstance(state.get("network"), Stored):
        network(state["network"], {}, f"{where}.network")
    if state.get("callbacks") is not None:
        refuse(f"{where}.callbacks", state["callbacks"], "None")
