"""Models in files, of whatever kind."""

import hashlib

from sklearn.pipeline import Pipeline

import skae
from skae._extras import require


def save_model(model, path):
    """Write an estimator of skae, or a pipeline around one; return the file's SHA-256."""
    if not isinstance(model, Pipeline):
        return skae.save(model, path)
    require("skops.io", "cli").dump(model, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reconstruct(model, X):
    """Encode rows and decode them again, for an estimator or a pipeline."""
    if hasattr(model, "reconstruct"):
        return model.reconstruct(X)
    return model.inverse_transform(model.transform(X))
