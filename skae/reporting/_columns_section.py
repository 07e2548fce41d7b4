"""The section about errors by column."""

import datetime

import numpy as np

from skae.tables import PlainTable
from skae.tables.columns import WORDS

from ._case import Case
from ._parts import Cell, Highlight, Section, Table
from ._words import NOTHING, number, percent, seconds

# Most columns of the table.
_N_COLUMNS = 40


def columns_section(case: Case) -> Section:
    """Return how well each column comes back."""
    section = Section("Reconstruction errors")
    unexplained = unexplained_by_column(case)
    overall = _overall(case, unexplained)
    if not np.isnan(overall):
        section.highlights.append(Highlight(percent(overall), "of these rows not explained"))
        section.say(
            f"{percent(overall)} of how these rows differ from each other is lost when they are "
            f"encoded and decoded: 0% is perfect, 100% is no better than one answer for all rows."
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
    gaps = np.isnan(case.cells.values[0]).mean(axis=0)
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


def unexplained_by_column(case: Case) -> np.ndarray:
    """Return the error of each column as a share of that of one answer for all rows.

    For numbers that is the share of the variance, for categories wrong cells over those that the
    most frequent category gets wrong. NaN for columns whose cells are all equal, or missing.
    """
    errors, of_one_answer = _errors(case)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(of_one_answer > 0, errors / of_one_answer, np.nan)


def _errors(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of errors of each column, and that of one answer for all rows."""
    found = case.cells.values[0]
    known = ~np.isnan(found)
    squares = np.nansum(np.square(case.differences), axis=0)
    of_one_answer = np.square(case.spread) * known.sum(axis=0)
    # The spread of a constant column stands for one.
    of_one_answer[[_is_constant(column) for column in found.T]] = 0
    for i in np.flatnonzero(~case.cells.is_number):
        counts = np.unique(found[known[:, i], i], return_counts=True)[1]
        of_one_answer[i] = counts.sum() - counts.max(initial=0)
    return squares, of_one_answer


def _is_constant(column: np.ndarray) -> bool:
    known = column[~np.isnan(column)]
    return len(known) == 0 or bool((known == known[0]).all())


def _overall(case: Case, unexplained: np.ndarray) -> float:
    """Return the share of all rows: of squares where all cells have one unit, or the mean."""
    known = unexplained[~np.isnan(unexplained)]
    if not len(known):
        return np.nan
    if case.row_kind.kind == "table":
        return float(known.mean())
    errors, of_one_answer = _errors(case)
    return float(errors.sum() / of_one_answer.sum())


def _kinds(case: Case) -> list[str]:
    """Return what columns hold, in words."""
    plain = PlainTable.of(case.decoder)
    if plain is not None and len(plain.columns) == len(case.names):
        return [WORDS[one.column.kind] for one in plain.columns]
    return ["numbers" if one else "categories" for one in case.cells.is_number]


def _typical(case: Case, i: int) -> str:
    """Return the error of a column in its unit."""
    differences = case.differences[:, i]
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return NOTHING
    if not case.cells.is_number[i]:
        return f"{percent(float(differences.mean()))} wrong"
    root = float(np.sqrt(np.mean(np.square(differences))))
    return f"± {seconds(root) if is_of_time(case, i) else number(root)}"


def is_of_time(case: Case, i: int) -> bool:
    """Return whether a column holds dates or durations."""
    known = case.cells.tables[0].iloc[:, i].dropna()
    # pandas has dates and durations of its own, which are of these types, too.
    types = datetime.date | datetime.time | datetime.timedelta
    return len(known) > 0 and isinstance(known.iloc[0], types)
