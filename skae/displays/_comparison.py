"""Rows that are drawn beside their reconstructions, and how far these are from them."""

from typing import Any

import numpy as np

from skae.inspection import RowKind, as_array, read_cells, sample, share_in_words

# Rows that are drawn by default, and most columns of a table.
_N_DRAWN = {"image": 8, "signal": 4, "table": 6}
_N_COLUMNS = 6


def choose_rows(
    X: Any, rows: Any, row_kind: RowKind, max_samples: int | None, random_state: Any
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the places of rows to draw, those of rows to compare, and how many the latter are."""
    _, compared, n_rows = sample(X, max_samples, random_state)
    if rows is None or np.ndim(rows) == 0:
        n_drawn = _N_DRAWN[row_kind.kind] if rows is None else int(rows)
        if n_drawn < 1:
            raise ValueError(f"rows must be at least 1 or places of rows, got {rows}.")
        spaced = np.linspace(0, len(compared) - 1, min(n_drawn, len(compared)))
        return compared[spaced.round().astype(int)], compared, share_in_words(len(compared), n_rows)
    chosen = np.asarray(rows)
    if chosen.dtype.kind not in "iu" or not len(chosen) or (np.abs(chosen + 0.5) > n_rows).any():
        raise ValueError(f"rows must be places of rows of X, from 0 to {n_rows - 1}, got {rows}.")
    chosen = chosen % n_rows
    compared = np.union1d(compared, chosen)
    return chosen, compared, share_in_words(len(compared), n_rows)


def compare_rows(
    some: Any,
    answers: dict[str, Any],
    chosen: np.ndarray,
    compared: np.ndarray,
    row_kind: RowKind,
    names: list[str],
) -> dict[str, Any]:
    """Return the parameters of a display of some of the compared rows."""
    drawn = np.searchsorted(compared, chosen)
    if row_kind.kind != "table":
        rows = row_kind.shaped(as_array(some))
        backs = {name: row_kind.shaped(as_array(answer)) for name, answer in answers.items()}
        return {
            "rows": rows[drawn],
            "reconstructions": {name: back[drawn] for name, back in backs.items()},
            "kind": row_kind.kind,
            # A gap has no error.
            "errors": {k: float(np.nanmean(np.square(b - rows))) for k, b in backs.items()},
            "places": chosen,
        }
    cells = read_cells(some, *answers.values())
    in_spreads = np.abs(cells.differences()) / cells.spread
    # Gaps have no difference.
    n_known = (~np.isnan(in_spreads)).sum(axis=0)
    of_columns = np.nansum(in_spreads, axis=0) / n_known.clip(min=1)
    table, *back_tables = (frame.iloc[drawn] for frame in cells.frames(names))
    return {
        "rows": table,
        "reconstructions": dict(zip(answers, back_tables, strict=True)),
        "kind": "table",
        "errors": {name: cells.unexplained(1 + i) for i, name in enumerate(answers)},
        "places": chosen,
        "cell_errors": in_spreads[drawn],
        "columns": np.argsort(-of_columns, kind="stable")[:_N_COLUMNS].tolist(),
        "column_names": names,
    }
