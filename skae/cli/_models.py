"""Models in files, of whatever kind."""

import hashlib

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

import skae
from skae._atomic import replaced
from skae._extras import require
from skae.persistence import load_estimator


def load_model(path, trust, methods=(), does=""):
    """Return the estimator in a file; of a search, its best one.

    Parameters
    ----------
    path : Path
        A file ending in .skae or .skops.
    trust : list of str or None
        Types to trust in a .skops file beside those that are harmless.
    methods : collection of str, default=()
        The methods that it must have.
    does : str, default=""
        In words, what they do.

    Raises
    ------
    ValueError
        If it does not have the methods.
    """
    estimator = load_estimator(path, trusted=trust or ())
    estimator = getattr(estimator, "best_estimator_", estimator)
    check_methods(estimator, path, methods, does)
    return estimator


def check_methods(estimator, path, methods, does):
    """Refuse a model that does not have some methods; see `load_model`."""
    if not all(hasattr(estimator, method) for method in methods):
        kind = f"the estimator {type(estimator).__name__}"
        if isinstance(estimator, Pipeline):
            kind = f"a Pipeline that ends in {type(estimator[-1]).__name__}"
        raise ValueError(f"{path} holds {kind}, which does not {does}.")


def save_model(model, path):
    """Write an estimator of skae, or a pipeline around one; return the file's SHA-256."""
    if not isinstance(model, Pipeline):
        return skae.save(model, path)
    with replaced(path) as temporary:
        require("skops.io", "cli").dump(model, temporary)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def codes_of(model, X):
    """Return the codes of rows, as a table."""
    codes = model.transform(_rows(model, X))
    codes = codes.toarray() if issparse(codes) else np.asarray(codes)
    return pd.DataFrame(codes, columns=model.get_feature_names_out())


def reconstruction_of(model, X):
    """Return rows that were encoded and decoded again, as a table with the same columns."""
    rows = _rows(model, X)
    if hasattr(model, "reconstruct"):
        reconstruction = model.reconstruct(rows)
    else:
        reconstruction = model.inverse_transform(model.transform(rows))
    return pd.DataFrame(np.asarray(reconstruction), columns=X.columns)


def scores_of(model, X):
    """Return the scores of rows and, of an outlier detector, p-values and outliers."""
    last, rows = model, _rows(model, X)
    if isinstance(model, Pipeline):
        last, rows = model[-1], model[:-1].transform(rows) if len(model) > 1 else rows
    scores = pd.DataFrame({"score": np.asarray(last.score_samples(rows))})
    if hasattr(last, "p_values"):
        scores["p_value"] = last.p_values(rows)
    if hasattr(last, "offset_"):
        scores["outlier"] = scores["score"] < last.offset_
    return scores


def predictions_of(model, X):
    """Return what a model predicts of rows, a column for each output."""
    predictions = np.asarray(model.predict(_rows(model, X)))
    if predictions.ndim == 1:
        return pd.DataFrame({"prediction": predictions})
    names = [f"prediction_{i}" for i in range(predictions.shape[1])]
    return pd.DataFrame(predictions, columns=names)


def probabilities_of(model, X):
    """Return how probable each class is, a column for each class of each output."""
    probabilities, classes = model.predict_proba(_rows(model, X)), model.classes_
    if not isinstance(probabilities, list):
        names = [f"probability_{name}" for name in classes]
        return pd.DataFrame(np.asarray(probabilities), columns=names)
    tables = [
        pd.DataFrame(one, columns=[f"probability_{i}_{name}" for name in names])
        for i, (one, names) in enumerate(zip(probabilities, classes, strict=True))
    ]
    return pd.concat(tables, axis=1)


def _rows(model, X):
    """Return a table as the model was fitted on one: an array if it knows no names."""
    return X if hasattr(model, "feature_names_in_") else X.to_numpy()
