"""The section about the rows that are reconstructed worst."""

from typing import Any

import numpy as np

from skae.displays import ReconstructionDisplay
from skae.inspection import as_array

from ._case import Case
from ._parts import Cell, Picture, Section, Table
from ._pictures import picture
from ._words import NOTHING, cell_text, is_gap, number, seconds

# Rows that are explained, and cells of each.
_N_ROWS, _N_CELLS = 5, 6
# Difference of a cell, in standard deviations of its column, that is marked.
_LARGE = 3.0


def unusual_section(case: Case) -> Section:
    """Return the rows with the lowest scores, cell by cell."""
    section = Section("Unusual rows")
    worst = case.unusual(_N_ROWS)
    section.say(
        "The rows with the lowest scores: those that the model gives back worst. What it expects "
        "stands beside what was found."
    )
    if case.row_kind.kind != "table":
        section.parts.append(found_and_expected(case, worst, case.reconstructed))
        rows = [[case.name_of_row(i), number(case.scores[i])] for i in worst]
        section.parts.append(Table("Scores of these rows", ["Row", "Score"], rows, numbers=(1,)))
        return section
    for i in worst.tolist():
        section.parts.append(_table_of(case, i))
    return section


def found_and_expected(case: Case, places: np.ndarray, expected: Any) -> Picture:
    """Return rows of a sample that are images or signals beside what is expected of them."""
    kind = case.row_kind
    rows, back = kind.shaped(as_array(case.rows)), kind.shaped(as_array(expected))
    named = ", ".join(case.name_of_row(i) for i in places)
    display = ReconstructionDisplay(
        rows=rows[places],
        reconstructions={"expected": back[places]},
        kind=kind.kind,
        errors={"expected": float(np.nanmean(np.square(back - rows)))},
        places=case.sample.places[places],
    )
    return picture(
        display.plot,
        f"Rows {named} beside what the model expects in their place.",
        "Rows as they were found, and as the model expects them. The mean squared error (MSE) is "
        "that of all rows.",
    )


def _table_of(case: Case, i: int) -> Table:
    """Return the cells of a row that differ most."""
    in_spreads = np.abs(case.differences[i]) / case.cells.spread
    order = np.argsort(-np.nan_to_num(in_spreads, nan=-1, posinf=np.inf), kind="stable")
    rows = []
    for j in order[:_N_CELLS].tolist():
        found, expected = (table.iloc[i, j] for table in case.frames)
        is_number = case.cells.is_number[j]
        is_large = in_spreads[j] >= (_LARGE if is_number else 1)
        how = _difference(case, i, j)
        rows.append(
            [case.names[j], Cell(cell_text(found), is_marked=bool(is_large)), cell_text(expected)]
        )
        in_words = NOTHING if is_gap(in_spreads[j]) or not is_number else f"{in_spreads[j]:.1f}"
        rows[-1] += [how, in_words]
    left = len(case.names) - len(rows)
    most = f", the {len(rows)} most different of {len(case.names):,} cells" if left > 0 else ""
    caption = f"Row {case.name_of_row(i)}, score {number(case.scores[i])}{most}"
    head = ["Column", "Found", "Expected", "Difference", "Standard deviations"]
    return Table(caption, head, rows, numbers=(4,))


def _difference(case: Case, i: int, j: int) -> str:
    difference = case.differences[i, j]
    if np.isnan(difference):
        return NOTHING
    if not case.cells.is_number[j]:
        return "another category" if difference else "none"
    # Found minus expected: how much too high the cell is.
    size = seconds(-difference) if case.cells.units[j] == "seconds" else number(-difference)
    return size if size.startswith("-") else f"+{size}"
