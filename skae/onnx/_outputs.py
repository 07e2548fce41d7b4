"""The outputs of graphs, and the methods of an estimator that give the same."""

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline

from skae.estimators import Decoder

from ._converters import CONVERTED

# By so much rounding may change a probability.
_ROUNDING = 1e-6

# Methods of the last step; where the second number is true, only those of skae have a graph.
_METHODS = {
    "codes": ("transform", False),
    "reconstruction": ("inverse_transform", True),
    "score": ("score_samples", True),
    "prediction": ("predict", False),
    "probability": ("predict_proba", False),
    "p_value": ("p_values", True),
}


def check_output(steps, output):
    """Refuse an output that the last step does not give.

    Parameters
    ----------
    steps : list of (str, estimator)
        What `steps_of` returns.
    output : str
        What the caller asked for.
    """
    last = steps[-1][1] if steps else None
    of_skae = isinstance(last, CONVERTED)
    gives = {
        name: hasattr(last, method) and (of_skae or not only_of_skae)
        for name, (method, only_of_skae) in _METHODS.items()
    }
    if output not in gives:
        raise ValueError(f"output must be one of {sorted(gives)}, got {output!r}.")
    if isinstance(last, type) or not any(gives.values()):
        raise TypeError(
            f"estimator must be a fitted estimator of skae, or a Pipeline of fitted steps, got "
            f"{last!r}."
        )
    if not gives[output]:
        name, method = type(last).__name__, method_name(output)
        lacks = f"output={output!r} is nothing that {name} gives."
        if hasattr(last, method):
            lacks = f"output={output!r} has no graph for {method} of {name}, which is not of skae."
        possible = " or ".join(repr(name) for name in gives if gives[name])
        advice = " The steps before it are model[:-1]." if len(steps) > 1 else ""
        raise ValueError(f"{lacks} Use output={possible}.{advice}")


def method_name(output):
    """Return the name of the method that gives an output."""
    return _METHODS[output][0]


def answer_of(model, steps, output, X):
    """Return what a fitted model gives where its graph gives an output.

    Parameters
    ----------
    model : estimator
        The model as the caller knows it: its own methods are asked.
    steps : list of (str, estimator)
        What `steps_of` returns.
    output : str
        Which output.
    X : {ndarray, DataFrame}
        Rows.

    Returns
    -------
    answer : ndarray of shape (n_samples, ...)
    """
    if output == "p_value":
        # Pipelines have no such method.
        *before, (_, last) = steps
        answer = last.p_values(Pipeline(before).transform(X) if before else X)
    elif output != "reconstruction":
        answer = getattr(model, method_name(output))(X)
    elif hasattr(model, "reconstruct"):
        answer = model.reconstruct(X)
    else:
        codes = X if isinstance(model, Decoder) else model.transform(X)
        answer = model.inverse_transform(codes)
    if isinstance(answer, list):
        raise ValueError(
            f"{method_name(output)} gives {len(answer)} tables, one for each target, and a graph "
            f"has one output. Convert a pipeline for each target."
        )
    return answer.toarray() if sparse.issparse(answer) else np.asarray(answer)


def is_tied(model, X, labels):
    """Return for each row whether a classifier finds no label more probable than the given one.

    Parameters
    ----------
    model : estimator
        Fitted. Of what gives no probabilities no row is tied.
    X : {ndarray, DataFrame}
        Rows.
    labels : ndarray of shape (n_samples,)
        A label for each row.
    """
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_") or labels.ndim > 1:
        return np.zeros(labels.shape, dtype=bool)
    probability = model.predict_proba(X)
    is_given = labels[:, None] == np.asarray(model.classes_)
    given = np.where(is_given, probability, -np.inf).max(axis=1)
    return given >= probability.max(axis=1) - _ROUNDING
