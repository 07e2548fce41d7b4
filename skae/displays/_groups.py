"""Classes of rows for a legend, or values for a colour bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from skae.tables import detached

# Most classes with a colour of their own: the colours of a qualitative map of matplotlib.
_N_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row: `places` in `names`."""

    places: np.ndarray
    names: list[str]


def groups_of(y: Any) -> np.ndarray | Classes | None:
    """Return the classes of rows, or their values: numbers of more than twenty kinds."""
    if y is None:
        return None
    y = column_or_1d(detached(y), warn=False) if not isinstance(y, pd.Series) else y
    y = pd.Series(y).reset_index(drop=True)
    is_number = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    if is_number and y.nunique() > _N_CLASSES:
        return y.to_numpy(float, na_value=np.nan)
    names = y.map(str, na_action="ignore").astype(object).fillna("missing")
    order = _in_order(y)
    if len(order) > _N_CLASSES:
        order = names.value_counts().index[: _N_CLASSES - 1].tolist()
        names = names.where(names.isin(order), "all others")
        order.append("all others")
    return Classes(pd.Index(order).get_indexer(names), order)


def _in_order(y: pd.Series) -> list[str]:
    """Return the names of all classes, in the order of their values where these have one."""
    missing = ["missing"] if y.isna().any() else []
    present: Any = y.dropna().unique()
    if isinstance(y.dtype, pd.CategoricalDtype):
        return [*map(str, y.cat.categories[y.cat.categories.isin(present)]), *missing]
    try:
        present = sorted(present)
    except TypeError:
        present = sorted(present, key=str)
    return [*map(str, present), *missing]
