"""The section about errors by column."""

import numpy as np

from skae.tables import PlainTable
from skae.tables.columns import WORDS

from ._case import Case
from ._parts import Cell, Highlight, Section, Table
from ._words import NOTHING, number, percent, seconds

# Most columns of the table.
_N_COLUMNS = 40

# Names for the units of columns, for tables without a schema.
_WORDS = {"number": "numbers", "seconds": "dates or times", "category": "categories"}


def columns_section(case: Case) -> Section:
    """Return how well each column comes back."""
    section = Section("Reconstruction errors")
    cells = case.cells
    unexplained, overall = cells.unexplained_by_column(), cells.unexplained()
    if not np.isnan(overall):
        section.highlights.append(Highlight(percent(overall), "of these rows not explained"))
        section.say(
            f"{percent(overall)} of {_of_what(case)} is lost when they are encoded and decoded: "
            f"0% is perfect, 100% is no better than one answer for all rows."
        )
    if not case.subject.decodes_to_caller:
        section.note(
            "Errors are in the unit of the last step of the Pipeline, as a step before it cannot "
            "be inverted."
        )
    if case.row_kind.kind != "table":
        return section
    hardest = np.argsort(-np.nan_to_num(unexplained, nan=-1), kind="stable")[:_N_COLUMNS]
    n_all = len(case.names)
    which = f"The {_N_COLUMNS} hardest of {n_all:,} columns" if n_all > _N_COLUMNS else "Columns"
    losses = getattr(case.subject.last, "column_losses_", None) or {}
    head = ["Column", "Not explained", "Typical error", "Gaps", "Holds"]
    kinds = _kinds(case)
    gaps = np.isnan(cells.values[0]).mean(axis=0)
    rows = []
    for i in hardest.tolist():
        share = unexplained[i]
        bar = None if np.isnan(share) else float(np.clip(share, 0, 1))
        row = [case.names[i], Cell(percent(share), bar), _typical(case, i)]
        row += [percent(gaps[i]), kinds[i]]
        if losses:
            row.append(number(losses.get(case.names[i], np.nan)))
        rows.append(row)
    caption = f"{which}, the hardest first"
    head += ["Loss in training"] * bool(losses)
    section.parts.append(Table(caption, head, rows, numbers=(1, 2, 3, 5)))
    return section


def _of_what(case: Case) -> str:
    """Return what the overall share is a share of, in words."""
    if not case.cells.are_all_numbers:
        return "how these rows differ from each other, on average over the columns,"
    if case.row_kind.kind != "table":
        return "the variance of these rows"
    return "the variance of these rows, to which columns of large numbers add most,"


def _kinds(case: Case) -> list[str]:
    """Return what columns hold, in words."""
    plain = PlainTable.of(case.decoder)
    if plain is not None and len(plain.columns) == len(case.names):
        return [WORDS[one.column.kind] for one in plain.columns]
    return [_WORDS[unit] for unit in case.cells.units]


def _typical(case: Case, i: int) -> str:
    """Return the error of a column in its unit."""
    differences = case.differences[:, i]
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return NOTHING
    if not case.cells.is_number[i]:
        return f"{percent(float(differences.mean()))} wrong"
    root = float(np.sqrt(np.mean(np.square(differences))))
    in_words = seconds if case.cells.units[i] == "seconds" else number
    return f"± {in_words(root)}"
