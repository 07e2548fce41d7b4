"""Models in files, of whatever kind."""

import hashlib

from sklearn.pipeline import Pipeline

import skae
from skae._extras import require
from skae.persistence._atomic import replaced


def save_model(model, path):
    """Write an estimator of skae, or a pipeline around one; return the file's SHA-256."""
    if not isinstance(model, Pipeline):
        return skae.save(model, path)
    with replaced(path) as temporary:
        require("skops.io", "cli").dump(model, temporary)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def last_step(model, X):
    """Return the last step of a pipeline, and rows as they reach it; of others, both as given."""
    if not isinstance(model, Pipeline):
        return model, X
    return model[-1], model[:-1].transform(X) if len(model) > 1 else X


def reconstruct(model, X):
    """Encode rows and decode them again, for an estimator or a pipeline."""
    if hasattr(model, "reconstruct"):
        return model.reconstruct(X)
    return model.inverse_transform(model.transform(X))
