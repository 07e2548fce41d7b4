"""``skae info``."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skae._fitted import last_step

from ._model_files import load_model, nets_of
from ._options import NO_TRUST, TrustOptions


def info(model: Path, /, *, trusted: TrustOptions = NO_TRUST) -> None:
    """Describe a model file.

    Parameters
    ----------
    model
        File of a fitted model.
    """
    estimator = load_model(model, trusted)
    content = model.read_bytes()
    print(f"{model}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print(estimator)
    for name, value in _facts(estimator, last_step(estimator)):
        print(f"{name:>14}: {value}")


def _facts(estimator: Any, last: Any) -> Iterator[tuple[str, Any]]:
    """Yield facts about a fitted model, with their names."""
    names = getattr(estimator, "feature_names_in_", None)
    columns = str(estimator.n_features_in_)
    yield "columns", columns if names is None else f"{columns} ({', '.join(names)})"
    nets = nets_of(last)
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
    if hasattr(last, "n_calibration_"):
        yield "held-out rows", last.n_calibration_
