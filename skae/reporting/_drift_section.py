"""The section about drift."""

import warnings

import pandas as pd

from skae.detection import DriftDetector
from skae.displays import DriftDisplay

from ._case import Case
from ._parts import Cell, Highlight, Section, Table
from ._pictures import picture
from ._row_sample import RowSample
from ._words import number, p_value

# Most tests of the table.
_N_TESTS = 30
_NAMES = {"score": "all scores", "codes": "all codes together"}
_TESTS = {"KS": "Kolmogorov-Smirnov", "G": "G-test", "MMD": "mean discrepancy"}


def drift_section(case: Case, reference: RowSample) -> Section:
    """Return whether the rows are unlike a reference."""
    detector = DriftDetector(case.subject.encoder, random_state=case.seed)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            detector.fit(reference.X)
        except (ValueError, TypeError) as error:
            raise type(error)(f"reference does not fit the estimator: {error}") from error
        section = tests_section(case, detector, f"the reference, {reference.in_words}")
    # Whoever reads the page does not see the screen of whoever made it.
    for message in dict.fromkeys(str(one.message) for one in raised):
        section.note(message)
    return section


def tests_section(case: Case, detector: DriftDetector, reference: str) -> Section:
    """Return the tests of the rows against what a detector of drift has seen."""
    section = Section("Drift")
    result = detector.test(case.sample.X)
    verdict = "Drift" if result.drift else "No drift"
    p = p_value(result.p_value)
    section.highlights.append(Highlight(verdict, f"p-value {p}", is_marked=result.drift))
    found = result.tests["drift"]
    section.say(
        f"{verdict}: these rows were compared with {reference}. The p-value of all tests together "
        f"is {p}; it would be below {result.alpha:g} by chance once in {1 / result.alpha:.0f} "
        f"comparisons. {int(found.sum())} of {len(found)} tests found a difference."
    )
    alt = f"{verdict}, p-value {p}: adjusted p-values of the tests, and sizes of the differences."
    caption = "How sure each difference is, and how large. Many rows make a small one sure."
    section.parts.append(picture(lambda: DriftDisplay.from_result(result), alt, caption))
    section.parts.append(_table_of(result.tests))
    for note in result.notes:
        section.note(note[0].upper() + note[1:] + ".")
    return section


def _table_of(tests: pd.DataFrame) -> Table:
    by = ["p_adjusted", "p_value", "statistic"]
    tests = tests.sort_values(by, ascending=[True, True, False], kind="stable")
    rows = [
        [
            _NAMES.get(one["kind"], str(name)),
            _TESTS.get(one["test"], one["test"]),
            number(one["statistic"]),
            p_value(one["p_adjusted"]),
            _effect(one),
            Cell("drift" if one["drift"] else "no", is_marked=bool(one["drift"])),
        ]
        for name, one in tests.head(_N_TESTS).iterrows()
    ]
    n_all = len(tests)
    which = f"The {len(rows)} surest of {n_all:,} tests" if n_all > len(rows) else "Tests"
    head = ["Of", "Test", "Statistic", "Adjusted p-value", "Effect", "Drift"]
    return Table(f"{which}, the surest first", head, rows, numbers=(2, 3, 4))


def _effect(one: pd.Series) -> str:
    interval = one[["effect_low", "effect_high"]]
    within = "" if interval.isna().any() else f" ({' to '.join(map(number, interval))})"
    return number(one["effect"]) + within
