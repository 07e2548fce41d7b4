"""The result of a test of drift."""

from dataclasses import dataclass

import pandas as pd

# Tests that the representation shows.
_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class DriftResult:
    """The result of :meth:`DriftDetector.test`; true in an ``if`` where there is drift.

    Its representation tells whether there is drift, and which tests found the most of it.

    Parameters
    ----------
    drift : bool
        Whether the batch is from another distribution than the reference.
    p_value : float
        P-value of the whole test: the smallest of the adjusted p-values.
    tests : DataFrame
        A row for each test; see :meth:`DriftDetector.test`.
    alpha : float
        The rate of false alarms of the whole test.
    notes : tuple of str
        The rows that were compared, and anything that was not.
    """

    drift: bool
    p_value: float
    tests: pd.DataFrame
    alpha: float
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.drift

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table: one row for each test, and everything about it in columns.

        Returns
        -------
        frame : DataFrame
            `tests` with a plain index, the names of the tests in the column `name`. Frames of many
            batches can be concatenated.
        """
        return self.tests.rename_axis("name").reset_index()

    def __repr__(self) -> str:
        found = self.tests[self.tests["drift"]]
        verdict = "drift" if self.drift else "no drift"
        lines = [
            f"DriftResult: {verdict}, p = {self.p_value:.3g} (alpha = {self.alpha:g}), "
            f"found by {len(found)} of {len(self.tests)} tests",
            *self.notes,
        ]
        if self.drift:
            lines.append(self._table_of(found))
        return "\n".join(lines)

    def _table_of(self, found: pd.DataFrame) -> str:
        """Return the tests that found the most drift, as lines of text."""
        found = found.sort_values(["p_adjusted", "statistic"], ascending=[True, False])
        columns = ["kind", "statistic", "p_adjusted", "effect", "effect_low", "effect_high"]
        shown = found[columns].head(_SHOWN).to_string(float_format="{:.3g}".format)
        n_more = len(found) - _SHOWN
        return shown if n_more <= 0 else f"{shown}\n... and {n_more} more: see `tests`"
