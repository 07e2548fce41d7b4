"""The section about outliers."""

from typing import Any

import numpy as np
import pandas as pd

from skae.displays import OutlierDisplay
from skae.inspection import as_array, share_in_words, take
from skae.tables import as_pandas

from ._case import Case
from ._parts import Cell, Highlight, Section, Table
from ._pictures import picture
from ._unusual_section import found_and_expected
from ._words import NOTHING, cell_text, is_gap, number, p_value, percent

# Rows in the table, those that are explained, and cells of each.
_N_ROWS, _N_EXPLAINED, _N_CELLS = 15, 5, 6


def outliers_section(case: Case) -> Section:
    """Return which rows the detector flags, and why."""
    section = Section("Outliers")
    detector, scores = case.subject.last, case.scores
    p_values = detector.p_values(case.before_last)
    flagged = scores < detector.offset_
    n_flagged, share = int(flagged.sum()), float(flagged.mean())
    section.highlights.append(Highlight(f"{n_flagged:,} ({percent(share)})", "rows flagged"))
    section.say(
        f"The detector takes rows with a score below {number(detector.offset_)} for outliers: "
        f"{n_flagged:,} of these {len(scores):,} rows ({percent(share)}). If all were like the "
        f"training rows, a p-value would be below 0.05 for one row in twenty; here it is for "
        f"{percent(float((p_values < 0.05).mean()))}."
    )
    worst = case.unusual(_N_ROWS)
    rows = [
        [
            case.name_of_row(i),
            number(scores[i]),
            p_value(p_values[i]),
            Cell("outlier" if flagged[i] else "ordinary", is_marked=bool(flagged[i])),
        ]
        for i in worst.tolist()
    ]
    explained = explain(case, worst[:_N_EXPLAINED])
    first = int(worst[0])
    display = OutlierDisplay(
        scores=scores,
        threshold=float(detector.offset_),
        p_values=p_values,
        row=int(case.sample.places[first]),
        row_score=float(scores[first]),
        explanation=explained[0],
        share=share_in_words(case.sample.n_drawn, case.sample.n_rows),
    )
    alt = (
        f"Histogram of scores with the threshold, {n_flagged:,} rows below it; histogram of "
        f"p-values; the cells of row {case.name_of_row(first)} that make it unusual."
    )
    caption = (
        "Scores beside the threshold; p-values, which are spread evenly where all rows are "
        "ordinary; and why the most unusual row is so."
    )
    section.parts.append(picture(display.plot, alt, caption))
    head = ["Row", "Score", "p-value", "Taken for"]
    caption = f"The {len(rows)} most unusual rows"
    section.parts.append(Table(caption, head, rows, numbers=(1, 2)))
    _add_explanations(section, case, worst[:_N_EXPLAINED], explained)
    return section


def explain(case: Case, places: np.ndarray) -> list[pd.DataFrame]:
    """Return what `explain` of the detector says of some rows: a frame of cells for each.

    Its columns are "found", "expected", "residual" and "share". The first two are in the caller's
    unit where the steps before the detector can be inverted.
    """
    subject, detector = case.subject, case.subject.last
    some = take(case.before_last, places)
    wide = detector.explain(some)
    labels = wide["share"].columns
    found = wide["found"] if "found" in wide.columns.get_level_values(0) else some
    expected: Any = wide["expected"]
    if _can_go_back(case, len(labels)):
        found, labels = take(case.sample.X, places), pd.Index(case.names)
        expected = subject.before.inverse_transform(expected)  # type: ignore[union-attr]
    cells = {"found": found, "expected": expected}
    cells |= {name: wide[name] for name in ("residual", "share")}
    frames = {name: _frame_of(table, len(places), labels) for name, table in cells.items()}
    return [
        pd.DataFrame({name: frame.iloc[i].tolist() for name, frame in frames.items()}, labels)
        for i in range(len(places))
    ]


def _can_go_back(case: Case, n_columns: int) -> bool:
    """Return whether columns of the detector's rows are those of the caller."""
    before = case.subject.before
    if before is None or len(case.names) != n_columns:
        return False
    steps = [step for _, step in before.steps if step not in (None, "passthrough")]
    # A PCA of full rank has as many columns, but others.
    return case.subject.decodes_to_caller and all(map(_keeps_columns, steps))


def _keeps_columns(step: Any) -> bool:
    try:
        names = getattr(step, "feature_names_in_", None)
        return [*step.get_feature_names_out()] == [
            *(names if names is not None else [f"x{i}" for i in range(step.n_features_in_)])
        ]
    except (AttributeError, ValueError):
        return False


def _frame_of(table: Any, n_rows: int, labels: pd.Index) -> pd.DataFrame:
    if hasattr(type(table), "columns"):
        frame = as_pandas(table, None, pd.RangeIndex(len(labels)))
    else:
        frame = pd.DataFrame(as_array(table).reshape(n_rows, -1))
    # Rows keep the types of their cells.
    return frame.astype(object)


def _add_explanations(
    section: Section, case: Case, places: np.ndarray, explained: list[pd.DataFrame]
) -> None:
    if case.row_kind.kind != "table":
        expected = np.array(as_array(case.rows), dtype=float)
        of_rows = [cells["expected"].to_numpy(float) for cells in explained]
        shape = expected[places].shape
        expected[places] = np.reshape(of_rows, shape)
        section.parts.append(found_and_expected(case, places, expected))
        return
    if case.subject.before is not None and not _can_go_back(case, len(explained[0])):
        section.note(
            "Cells are those that the detector sees, in the unit of the steps of the Pipeline "
            "before it."
        )
    for i, cells in zip(places.tolist(), explained, strict=True):
        section.parts.append(_table_of(case, i, cells))


def _table_of(case: Case, i: int, cells: pd.DataFrame) -> Table:
    """Return the cells with the largest parts of the score of a row."""
    total = cells["share"].sum()
    shown = cells.sort_values("share", kind="stable").head(_N_CELLS)
    rows = []
    for label, one in shown.iterrows():
        part = one["share"] / total if np.isfinite(total) and total else np.nan
        bar = None if is_gap(part) else float(np.clip(part, 0, 1))
        expected = (
            NOTHING if is_gap(one["residual"]) and is_gap(one["expected"]) else one["expected"]
        )
        rows.append(
            [
                _name_of(label),
                Cell(cell_text(one["found"])),
                Cell(cell_text(expected)),
                number(one["residual"]),
                Cell(percent(part), bar),
            ]
        )
    left = len(cells) > len(rows)
    most = f", the {len(rows)} most unusual of {len(cells):,} cells" if left else ""
    caption = f"Row {case.name_of_row(i)}, score {number(case.scores[i])}{most}"
    head = ["Column", "Found", "Expected", "Residual", "Part of the score"]
    return Table(caption, head, rows, numbers=(3, 4))


def _name_of(label: Any) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
