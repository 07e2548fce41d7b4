"""What each class in a model file is made of: fitted attributes, beside the parameters.

A size that is named twice must be the same in both places; see `_fields`.
"""

import math
from dataclasses import fields as fields_of

from ._fields import (
    array,
    count,
    dict_of,
    either,
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
from ._registry import AUTOENCODERS, CLASSES, ESTIMATORS, NETWORKS
from ._tree import Stored

_NUMBERS = list_of(number)


# -- networks -----------------------------------------------------------------------------


def part(*classes, **attributes):
    """Return a field for an object of one of some classes with these attributes."""
    check_attributes = record(**attributes)

    def field(value, sizes, where):
        if not isinstance(value, Stored) or value.name not in classes:
            refuse(where, getattr(value, "name", value), f"one of {', '.join(classes)}")
        check_attributes(value.state, sizes, where)

    return field


def _network(value, sizes, where):
    if not isinstance(value, Stored) or value.name not in NETWORKS:
        refuse(where, getattr(value, "name", value), f"one of {', '.join(NETWORKS)}")
    # What the values of its fields may be it says itself, when it is built.
    anything = dict.fromkeys((f.name for f in fields_of(CLASSES[value.name])), _anything)
    record(**anything)(value.state, sizes, where)


def _anything(value, sizes, where):
    """Something that is checked elsewhere."""


def _an_array(value, sizes, where):
    """An array whose shape is compared with that of the network's own later."""
    if not hasattr(value, "shape"):
        refuse(where, value, "an array")


def _epochs(value, sizes, where):
    """What skorch and callbacks recorded: dicts of numbers and the like, and of lists of such."""
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        for entry in value:
            for record in entry.values():
                if not isinstance(record, bool | int | float | str | None):
                    _epochs(record, sizes, where)
    else:
        refuse(where, type(value), "a list of records")


_NET = record(
    seed=count(0),
    device=text,
    weights=dict_of(text, _an_array),
    objective=dict_of(text, _an_array),
    dtype=one_of("float32", "float64"),
    # Compared with the optimizer's own later.
    optimizers=list_of(_anything),
    history=_epochs,
    generators=list_of(array("int", "n_generator")),
    half=one_of(None, "encoder", "decoder"),
)


# -- autoencoders -------------------------------------------------------------------------


def _row_shape(value, sizes, where):
    if value is not None:
        tuple_of_any = isinstance(value, tuple) and 2 <= len(value) <= 3
        if not tuple_of_any or math.prod(value) != sizes["n_features"]:
            refuse(where, value, f"a shape of {sizes['n_features']} values")


def _roots(value, sizes, where):
    """Triangular matrices, or diagonals of some."""
    square = ("n_components",) * (getattr(value, "ndim", 3) - 1)
    array("float", "n_kinds", *square)(value, sizes, where)


_MIXTURE = tuple_of(array("float", "n_kinds"), array("float", "n_kinds", "n_components"), _roots)
_CODES = tuple_of(array("float", "n_codes", "n_components"), array("float", "n_codes"))
_AUTOENCODER = {
    "n_features_in_": count(1, "n_features"),
    "n_components_": count(1, "n_components"),
    "has_linear_path_": flag,
    "network_": _network,
    "mean_": array("float", "n_features"),
    "scale_": positive,
    "loss_": number,
    "loss_curve_": _NUMBERS,
    "validation_loss_curve_": optional(_NUMBERS),
    "best_validation_loss_": optional(number),
    "n_iter_": count(0),
    "net_": _NET,
    "_row_shape": _row_shape,
    "_fitted_params": dict_of(text, _anything),
    "_code_moments": tuple_of(
        positive, array("float", "n_components"), array("float", "n_components")
    ),
    "_some_codes": optional(_CODES),
    "_mixture": optional(_MIXTURE),
}
_VARIANTS = {
    "DenoisingAutoencoder": {"_extremes": optional(array("float", 2, "n_features"))},
    "NestedAutoencoder": {
        "_losses": _NUMBERS,
        "explained_variance_ratio_": array("float", "n_components"),
    },
    "SparseAutoencoder": {
        "mean_activation_": array("float", "n_components"),
        "dead_fraction_": number,
    },
    "VariationalAutoencoder": {
        "_first_noise": positive,
        "noise_variance_": optional(number),
        "active_units_": count(0),
    },
}


# -- detectors ----------------------------------------------------------------------------


def estimator(*classes, is_fitted=True):
    """Return a field for an estimator of one of some classes."""

    def field(value, sizes, where):
        if not isinstance(value, Stored) or value.name not in classes:
            refuse(where, getattr(value, "name", value), f"one of {', '.join(classes)}")
        # The number of columns is that of what holds it, all other sizes are its own.
        own = {size: n for size, n in sizes.items() if size == "n_features"}
        check_fitted(value, own, where) if is_fitted else _check_names(value, {}, where)

    return field


_GAUSSIAN = part(
    "Gaussian",
    center=array("float", "n_values"),
    whitening=array("float", "n_values", "n_values"),
    penalty=number,
)
_GAUSSIANS = part(
    "RobustGaussians",
    most_kinds=count(0),
    least_scale=number,
    unit_=array("float", "n_values"),
    all_=_GAUSSIAN,
    partitions_=list_of(list_of(_GAUSSIAN)),
)


def _score(value, sizes, where):
    own = {size: n for size, n in sizes.items() if size == "n_features"}
    either(
        part("LikelihoodScore"),
        part("ReconstructionScore", residual_scale_=array("float", "n_features")),
        part("MahalanobisScore", "MixtureScore", _gaussians=_GAUSSIANS),
    )(value, own, where)


_DETECTOR = {
    "n_features_in_": count(1, "n_features"),
    "estimators_": list_of(estimator(*AUTOENCODERS)),
    "scale_": array("float", "n_features"),
    "offset_": number,
    "max_samples_": count(1),
    "n_samples_seen_": count(1),
    "n_calibration_": count(0),
    "_seed": count(0),
    "_level": either(one_of("auto"), number),
    "_folds": part("Folds", n_folds=count(1), left_out=array("int", "n_members")),
    "_scaling": part(
        "ColumnScaling",
        scale=array("float", "n_features"),
        center=array("float", "n_features"),
        _low=array("float", "n_features"),
        _high=array("float", "n_features"),
    ),
    "_scores": list_of(_score),
    "_calibration": part(
        "Calibration",
        _groups=list_of(tuple_of(array("int", None), array("float", None), array("float", None))),
    ),
    "_kept": tuple_of(table, array("float", "n_rows"), array("int", "n_rows")),
}


def _check_detector(state, where):
    """Compare what the fields cannot: members with one another."""
    members, scores = state["estimators_"], state["_scores"]
    n_members = len(state["_folds"].state["left_out"])
    if not 1 <= len(members) == len(scores) == n_members:
        refuse(where, [len(members), len(scores), n_members], "members of one number")
    for member, score in zip(members, scores, strict=True):
        gaussians = score.state.get("_gaussians")
        n_values = member.state["n_features_in_"] + member.state["n_components_"]
        if gaussians is not None and len(gaussians.state["unit_"]) != n_values:
            refuse(where, len(gaussians.state["unit_"]), f"Gaussians of {n_values} values")
    for asked, unusual, above in state["_calibration"].state["_groups"]:
        inside = len(asked) and asked.min() >= 0 and asked.max() < n_members
        if not inside or len(above) != len(unusual) + 1:
            refuse(where, asked, f"held-out rows of some of {n_members} members")


_DRIFT_DETECTOR = {
    "scores_": array("float", "n_reference"),
    "codes_": array("float", "n_reference", "n_codes"),
    "_seed": count(0),
}

FITTED = {
    **{name: _AUTOENCODER | _VARIANTS.get(name, {}) for name in AUTOENCODERS},
    "AutoencoderOutlierDetector": _DETECTOR,
    "DriftDetector": _DRIFT_DETECTOR,
    "Encoder": {},
    "Decoder": {},
}

# Estimators that are parameters of others, and fitted.
_HELD = {
    "DriftDetector": {"model": estimator(*AUTOENCODERS, "AutoencoderOutlierDetector")},
    "Encoder": {"autoencoder": estimator(*AUTOENCODERS)},
    "Decoder": {"autoencoder": estimator(*AUTOENCODERS)},
}

# What may be there or not: what `fit` and `set_output` leave only at times.
_OPTIONAL = {
    "feature_names_in_": names,
    "_sklearn_output_config": dict_of(text, optional(text)),
}


# -- estimators ---------------------------------------------------------------------------


def parameters_of(name):
    """Return the names of the parameters of an estimator."""
    return CLASSES[name]._get_param_names()


def check_fitted(stored, sizes=None, where="model"):
    """Check that something is a fitted estimator, before anything is made of it.

    Raises
    ------
    ModelFileError
        If it is not.
    """
    sizes = {} if sizes is None else sizes
    if not isinstance(stored, Stored) or stored.name not in ESTIMATORS:
        refuse(where, getattr(stored, "name", stored), f"one of {', '.join(ESTIMATORS)}")
    where = f"{where}.{stored.name}" if where == "model" else where
    fitted = FITTED[stored.name]
    _check_names(stored, fitted, where)
    held = _HELD.get(stored.name, {})
    for attribute, field in (fitted | held | _OPTIONAL).items():
        if attribute in stored.state:
            field(stored.state[attribute], sizes, f"{where}.{attribute}")
    if stored.name == "AutoencoderOutlierDetector":
        _check_detector(stored.state, where)


def _check_names(stored, fitted, where):
    """Check that an estimator has its parameters and these fitted attributes, and no others."""
    wanted = {*parameters_of(stored.name), *fitted}
    found = stored.state.keys() - _OPTIONAL.keys()
    if found != wanted:
        refuse(where, sorted(found ^ wanted), "all attributes of its class and no others")
