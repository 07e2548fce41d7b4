"""A fit that several processes share: what they must have in common before it starts."""

import re
from collections.abc import Callable
from typing import Any

from skae.engine import OneRank, check_alike

from ._fit_rows import FitRows

# These may differ between ranks: each has its own device, rank 0's random state is that of all.
_OWN = ("callbacks", "device", "random_state", "verbose")


def validated_by(ranks: OneRank, estimator: Any, validate: Callable[[], FitRows]) -> FitRows:
    """Return validated rows; what is wrong with those of one rank is an error on all of them."""
    if ranks.size == 1:
        return validate()
    with ranks.failing_together():
        rows = validate()
    check_alike(ranks, _facts(estimator, rows))
    return rows


def _facts(estimator: Any, rows: FitRows) -> dict[str, Any]:
    """Return what is to be the same on all ranks, as text by name."""
    params = estimator.get_params(deep=False)
    names, frame = getattr(estimator, "feature_names_in_", None), rows.caller.frame
    return {
        "The number of rows of X": rows.X.shape[0],
        "The number of columns of X": rows.X.shape[1],
        "The names of the columns of X": None if names is None else [*map(str, names)],
        "The data type of X": str(rows.X.dtype),
        "The types of the columns of X": None if frame is None else repr(frame.schema),
        "Whether X has gaps": rows.caller.has_gaps,
        "Whether there is a sample_weight": rows.weight is not None,
        "Whether there is a y": rows.target is not None or rows.classes is not None,
        "Whether training continues": hasattr(estimator, "net_"),
        **{name: _as_text(value) for name, value in params.items() if name not in _OWN},
    }


def _as_text(value: Any) -> str:
    """Return a parameter as text, without the address that functions have in one process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
