"""``skae info``."""

import hashlib
from pathlib import Path

from sklearn.pipeline import Pipeline

from ._models import load_model


def info(model: Path, /, *, trust: list[str] | None = None):
    """Say what is in a model file.

    Parameters
    ----------
    model
        File of a fitted model.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    """
    estimator = load_model(model, trust)
    content = model.read_bytes()
    print(f"{model}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print(estimator)
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    for name, value in _facts(estimator, last):
        print(f"{name:>14}: {value}")


def _facts(estimator, last):
    """Yield what is worth knowing of a fitted model, with names."""
    names = getattr(estimator, "feature_names_in_", None)
    columns = str(estimator.n_features_in_)
    yield "columns", columns if names is None else f"{columns} ({', '.join(names)})"
    nets = [
        member.net_ for member in getattr(last, "estimators_", [last]) if hasattr(member, "net_")
    ]
    if hasattr(last, "n_components_"):
        yield "components", last.n_components_
    if len(nets) > 1:
        yield "networks", len(nets)
    if nets:
        yield "parameters", f"{sum(p.numel() for net in nets for p in net.module_.parameters()):,}"
    if hasattr(last, "loss_"):
        yield "loss", f"{last.loss_:.6g} after {last.n_iter_} epochs"
    if hasattr(last, "offset_"):
        yield "threshold", f"outliers score below {last.offset_:.6g}"
        yield "held-out rows", last.n_calibration_
