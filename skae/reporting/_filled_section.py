"""The section about gaps that an imputer fills."""

from typing import Any

import numpy as np
import pandas as pd

from skae.inspection import as_array, names_of_columns
from skae.tables import as_pandas, missing_cells

from ._case import Case
from ._parts import Cell, Highlight, Section, Table
from ._words import NOTHING, cell_text, number, percent

# Most columns, rows, and cells of a row.
_N_COLUMNS, _N_ROWS, _N_CELLS = 40, 5, 8


def filled_section(case: Case) -> Section:
    """Return where gaps are, and what they are filled with."""
    section = Section("Filled gaps")
    imputer, X = case.subject.last, case.before_last
    completed = _frame(imputer.transform(X), imputer.get_feature_names_out())
    names = names_of_columns(imputer, X, imputer.n_features_in_)
    missing = missing_cells(
        X if hasattr(type(X), "columns") else as_array(X), imputer.missing_values
    )
    share = float(missing.mean())
    section.highlights.append(Highlight(percent(share), "of the cells are gaps"))
    n_rows = int(missing.any(axis=1).sum())
    section.say(f"{percent(share)} of the cells are gaps, in {n_rows:,} of {len(missing):,} rows.")
    # Columns without a value in `fit` may be left out.
    kept = {str(name): completed.iloc[:, i] for i, name in enumerate(completed.columns)}
    order = np.argsort(-missing.mean(axis=0), kind="stable")
    gappy = [i for i in order.tolist() if missing[:, i].any()]
    if not gappy:
        return section
    rows = [
        [
            names[i],
            Cell(percent(missing[:, i].mean()), float(missing[:, i].mean())),
            *_of_column(kept.get(names[i]), missing[:, i]),
        ]
        for i in gappy[:_N_COLUMNS]
    ]
    head = ["Column", "Gaps", "Filled with, typically", "Found elsewhere, typically"]
    caption = "Columns with gaps, means of numbers and the most frequent of others"
    section.parts.append(Table(caption, head, rows, numbers=(1,)))
    section.parts += [
        _table_of_row(case, i, names, kept, missing[i])
        for i in np.argsort(-missing.sum(axis=1), kind="stable")[:_N_ROWS].tolist()
        if missing[i].any()
    ]
    return section


def _frame(table: Any, names: Any) -> pd.DataFrame:
    table = table if hasattr(type(table), "columns") else as_array(table)
    return as_pandas(table, None, pd.Index(names)).reset_index(drop=True)


def _of_column(column: pd.Series | None, missing: np.ndarray) -> list[str]:
    if column is None:
        return ["left out", NOTHING]
    return [_typical(column[missing]), _typical(column[~missing])]


def _typical(cells: pd.Series) -> str:
    """Return the mean of numbers and dates, the most frequent of other cells."""
    cells = cells.dropna().infer_objects()
    if cells.empty:
        return NOTHING
    is_number = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    if is_number:
        return number(cells.astype(float).mean())
    if cells.dtype.kind in "mM":
        return cell_text(cells.mean())
    most = cells.value_counts()
    return f"{cell_text(most.index[0])} ({percent(float(most.iloc[0] / len(cells)))})"


def _table_of_row(
    case: Case, i: int, names: list[str], kept: dict[str, pd.Series], missing: np.ndarray
) -> Table:
    gaps = np.flatnonzero(missing).tolist()
    rows = [
        [names[j], cell_text(kept[names[j]].iloc[i]) if names[j] in kept else "left out"]
        for j in gaps[:_N_CELLS]
    ]
    n_gaps = f"{len(gaps)} gap{'s' * (len(gaps) > 1)}"
    first = f", the first {len(rows)}" if len(gaps) > len(rows) else ""
    return Table(f"Row {case.name_of_row(i)}: {n_gaps}{first}", ["Column", "Filled with"], rows)
