"""Models in files, of whatever kind."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

import skae
from skae._atomic import replaced
from skae._extras import require
from skae.persistence import load_estimator

from ._options import TrustOptions


def load_model(
    path: Path, trusted: TrustOptions, methods: Iterable[str] = (), does: str = ""
) -> Any:
    """Return the estimator in a file, of a search its best one; refuse one without the methods.

    `does` says in words what the methods do.
    """
    estimator = load_estimator(path, trusted=trusted.trust or ())
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not all(hasattr(estimator, method) for method in methods):
        kind = f"the estimator {type(estimator).__name__}"
        if isinstance(estimator, Pipeline):
            kind = f"a Pipeline that ends in {type(estimator[-1]).__name__}"
        raise ValueError(f"{path} holds {kind}, which does not {does}.")
    return estimator


def save_model(model: Any, path: Path) -> str:
    """Write an estimator of skae, or a pipeline around one; return the file's SHA-256."""
    if not isinstance(model, Pipeline):
        return skae.save(model, path)
    with replaced(path) as temporary:
        require("skops.io", "cli").dump(model, temporary)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nets_of(estimator: Any) -> list[Any]:
    """Return the net of a fitted autoencoder, or those of the members of an ensemble.

    That of a classifier or regressor is the one of its autoencoder.
    """
    members = getattr(estimator, "estimators_", [getattr(estimator, "autoencoder_", estimator)])
    return [member.net_ for member in members if hasattr(member, "net_")]
