"""``skae info``."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skae._fitted import last_step
from skae.tables import PlainColumn, PlainTable
from skae.tables.columns import WORDS, CategoryColumn

from ._model_files import load_model, nets_of
from ._options import NO_TRUST, TrustOptions

# Categories of a column, or classes, that are named.
_SHOWN = 5


def info(model: Path, /, *, trusted: TrustOptions = NO_TRUST) -> None:
    """Describe a model file: the estimator, and what the columns of its table hold.

    Of a table with text, dates or gaps it shows for each column the kind of its values, its
    categories or its range, and the share of cells without a value in the training rows.

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
    plain = PlainTable.of(estimator)
    if plain is not None:
        print(_schema(plain).to_string(index=False))


def _schema(plain: PlainTable) -> pd.DataFrame:
    """Return a table with a row for each column: what it holds."""
    return pd.DataFrame(
        [
            (one.name, WORDS[one.column.kind], _values(one), f"{one.column.gaps:.1%}")
            for one in plain.columns
        ],
        columns=["column", "kind", "values", "gaps"],
    )


def _values(one: PlainColumn) -> str:
    """Return the categories of a column, or its range, in words."""
    column = one.column
    if isinstance(column, CategoryColumn):
        shown = ", ".join(map(str, column.levels[:_SHOWN]))
        rest = len(column.levels) - _SHOWN
        rare = len(column.levels) - column.n_codes
        return (
            f"{len(column.levels)} categories: {shown}"
            + (f" and {rest} more" if rest > 0 else "")
            + (f" ({rare + 1} of them rare, and taken together)" if rare else "")
        )
    bounds = one.cells(np.array([column.lowest, column.highest]))
    words = [f"{bound:.6g}" if column.kind == "number" else str(bound) for bound in bounds]
    return " to ".join(word.removesuffix(" 00:00:00") for word in words)


def _classes(classes: Any) -> str:
    """Return the classes of a classifier in words; they may be those of several outputs."""
    if isinstance(classes, list):
        return "; ".join(map(_classes, classes))
    rest = len(classes) - _SHOWN
    shown = ", ".join(map(str, classes[:_SHOWN]))
    return f"{len(classes)} ({shown}{f' and {rest} more' if rest > 0 else ''})"


def _facts(estimator: Any, last: Any) -> Iterator[tuple[str, Any]]:
    """Yield facts about a fitted model, with their names."""
    names = getattr(estimator, "feature_names_in_", None)
    columns = str(estimator.n_features_in_)
    yield "columns", columns if names is None else f"{columns} ({', '.join(names)})"
    nets = nets_of(last)
    if hasattr(last, "classes_"):
        yield "classes", _classes(last.classes_)
    inner = getattr(last, "autoencoder_", last)
    if hasattr(inner, "n_components_"):
        yield "components", inner.n_components_
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
