"""The result of a test of drift."""

from dataclasses import dataclass
from html import escape

import pandas as pd

# Tests that the representation shows.
_SHOWN = 10

_COLUMNS = ["kind", "statistic", "p_adjusted", "effect", "effect_low", "effect_high"]


@dataclass(frozen=True, eq=False, repr=False)
class DriftResult:
    """The result of :meth:`skae.DriftDetector.test`; true in an ``if`` where there is drift.

    Its representation tells whether there is drift, and which tests found the most of it. A
    notebook shows a table of the surest tests.

    Parameters
    ----------
    drift : bool
        Whether the batch is from another distribution than the reference.
    p_value : float
        P-value of the whole test: the smallest of the adjusted p-values.
    tests : DataFrame of shape (n_tests, 9)
        A row for each test; :meth:`skae.DriftDetector.test` describes its columns.
    alpha : float
        The rate of false alarms of the whole test.
    notes : tuple of str, default=()
        The rows that were compared, and anything that was not.

    See Also
    --------
    skae.DriftDetector : Makes these results.
    skae.displays.DriftDisplay : Their picture.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from skae import DriftDetector
    >>> X = load_wine(as_frame=True).data[["alcohol", "hue"]].sample(frac=1, random_state=0)
    >>> detector = DriftDetector(PCA(1).fit(X[:60]), random_state=0).fit(X[60:120])
    >>> detector.test(X[120:] + [0, 1])
    DriftResult: drift, p = 0.001 (alpha = 0.05), found by 2 of 5 tests
    batch: 58 rows, reference: 60 rows, window: None
             kind  statistic  p_adjusted  effect  effect_low  effect_high
    score   score          1       0.001       0           0       0.0634
    hue    column          1       0.001       1       0.937            1
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
        lines = [f"DriftResult: {self._verdict()}", *self.notes]
        if self.drift:
            found = self._surest(self.tests[self.tests["drift"]])
            lines.append(found.to_string(float_format="{:.3g}".format))
            n_more = int(self.tests["drift"].sum()) - _SHOWN
            lines += [f"... and {n_more} more: see `tests`"] * (n_more > 0)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        surest = self._surest(self.tests).assign(drift=self.tests["drift"])
        first = f"The {len(surest)} surest tests" if len(surest) < len(self.tests) else "All tests"
        notes = [*self.notes, f"{first}:"]
        return (
            f"<p><strong>{escape(self._verdict())}</strong></p>"
            f"<p>{'<br>'.join(map(escape, notes))}</p>"
            f"{surest.to_html(float_format='{:.3g}'.format, border=0)}"
        )

    def _verdict(self) -> str:
        n_found, n_tests = int(self.tests["drift"].sum()), len(self.tests)
        return (
            f"{'drift' if self.drift else 'no drift'}, p = {self.p_value:.3g} "
            f"(alpha = {self.alpha:g}), found by {n_found} of {n_tests} tests"
        )

    def _surest(self, tests: pd.DataFrame) -> pd.DataFrame:
        """Return the first of some tests, by their p-values and then by how much they found."""
        order = tests.sort_values(["p_adjusted", "statistic"], ascending=[True, False])
        return order[_COLUMNS].head(_SHOWN)
