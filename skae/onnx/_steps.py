"""The steps of a pipeline, there and back."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skae._extras import require

from ._graphs import extended, renamed

# Nothing is done there.
_NOTHING = ("passthrough", None)


def steps_of(model):
    """Return names and estimators of what a model does one after the other.

    Parameters
    ----------
    model : estimator
        A pipeline, with pipelines in it or without; anything else is a single step.

    Returns
    -------
    steps : list of (str, estimator)
        Without steps that do nothing.
    """
    # A class of a user's own may do something else than its steps.
    if type(model) is not Pipeline:
        return [(type(model).__name__, model)]
    return [
        (name if len(below) == 1 else f"{name}__{inner}", step)
        for name, outer in model.steps
        if outer not in _NOTHING
        for below in [steps_of(outer)]
        for inner, step in below
    ]


def check_way_back(steps):
    """Refuse steps that there is no graph to undo."""
    for name, step in steps:
        if type(step) not in _INVERSES:
            known = ", ".join(sorted(kind.__name__ for kind in _INVERSES))
            raise ValueError(
                f"output='reconstruction' leads back through all steps, and there is no graph for "
                f"the inverse_transform of step {name!r} ({type(step).__name__}), only for those "
                f"of {known}. Convert the autoencoder alone, model[-1], for rows as that step "
                f"gives them."
            )


def back_through(steps, model):
    """Undo the steps before an autoencoder, the last one first.

    Parameters
    ----------
    steps : list of (str, transformer)
        Fitted.
    model : onnx.ModelProto
        Gives rows as the last of them does.

    Returns
    -------
    model : onnx.ModelProto
        The same graph, which gives rows as the first step takes them.
    """
    onnx = require("onnx", "onnx")
    element_type = model.graph.output[0].type.tensor_type.elem_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(element_type)
    for name, step in steps[::-1]:
        for i, (operator, value) in enumerate(_inverse_of(step)):
            before, after, constant = (f"{name}_{i}_{what}" for what in ("before", "after", "by"))
            node = onnx.helper.make_node(operator, [before, constant], [after])
            value = value.astype(dtype)
            model = extended(
                renamed(model, before), [node], {constant: value}, shape=value.shape[-1:]
            )
    return model


def _inverse_of(step):
    """Return operators, with the second number that they take, that undo a step."""
    return [
        (operator, value) for operator, value in _INVERSES[type(step)](step) if value is not None
    ]


def _of_standard_scaler(step):
    return [("Mul", step.scale_), ("Add", step.mean_)]


def _of_min_max_scaler(step):
    return [("Sub", step.min_), ("Div", step.scale_)]


def _of_max_abs_scaler(step):
    return [("Mul", step.scale_)]


def _of_robust_scaler(step):
    return [("Mul", step.scale_), ("Add", step.center_)]


def _of_pca(step):
    components = step.components_
    if step.whiten:
        components = np.sqrt(step.explained_variance_)[:, None] * components
    return [("MatMul", components), ("Add", step.mean_)]


_INVERSES = {
    MaxAbsScaler: _of_max_abs_scaler,
    MinMaxScaler: _of_min_max_scaler,
    PCA: _of_pca,
    RobustScaler: _of_robust_scaler,
    StandardScaler: _of_standard_scaler,
}
