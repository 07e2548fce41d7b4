"""All tests of one batch beside the reference, with p-values and effect sizes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._category_tests import g_statistics, grown_categories
from ._effect_size import superiority
from ._multiple_tests import adjusted_p_values, permutation_p_values
from ._row_splits import block_length, block_splits, independent_splits
from ._two_sample_tests import gaussian_kernel, ks_statistics, ks_test, squared_mmd, witness


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows as a model sees them: scores (n_rows,), codes (n_rows, n_codes), and their columns.

    `is_category` tells for each column whether it holds codes of categories.
    """

    scores: np.ndarray
    codes: np.ndarray
    columns: np.ndarray
    is_category: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


# The columns of the table that come from a test itself.
_TEST = ("test", "statistic", "p_value", "effect", "effect_low", "effect_high")

_Row = tuple[str, float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class DriftTests:
    """The tests of a batch and their settings; see the parameters of `DriftDetector`."""

    alpha: float
    window: int | None
    n_permutations: int
    max_samples: int
    rng: np.random.Generator

    def __call__(self, reference: Sample, batch: Sample, column_names: list[str]) -> pd.DataFrame:
        """Return the table of all tests; see `DriftDetector.test`."""
        splits = self._splits(len(reference), len(batch))
        pairs = [
            (reference.scores[:, np.newaxis], batch.scores[:, np.newaxis]),
            (reference.codes, batch.codes),
            (reference.columns, batch.columns),
        ]
        categories = reference.is_category
        no_categories = np.zeros(1 + reference.codes.shape[1], dtype=bool)
        kinds_of = [no_categories[:1], no_categories[1:], categories]
        statistics = [
            _statistics(np.concatenate(pair), splits, are_categories)
            for pair, are_categories in zip(pairs, kinds_of, strict=True)
        ]
        score, codes, columns = (
            self._one_by_one(*pair, of_splits, are_categories)
            for pair, of_splits, are_categories in zip(pairs, statistics, kinds_of, strict=True)
        )
        together, of_splits = self._together(reference.codes, batch.codes, splits)
        statistics.insert(1, of_splits)
        n_codes, n_columns = len(codes), len(columns)
        names = ["score", "codes", *(f"code{i}" for i in range(n_codes))]
        rows, index = [*score, together, *codes, *columns], [*names, *_unlike(names, column_names)]
        tests = pd.DataFrame(rows, columns=list(_TEST), index=index)
        kinds = ["score", "codes", *["code"] * n_codes, *["column"] * n_columns]
        tests.insert(0, "kind", kinds)
        tested = [one for one in statistics if one.shape[1] > 0]
        adjusted = np.concatenate(adjusted_p_values(tested))
        tests.insert(4, "p_adjusted", np.maximum(adjusted, tests["p_value"]))
        tests["drift"] = tests["p_adjusted"] <= self.alpha
        return tests

    def _splits(self, n_reference: int, n_batch: int) -> np.ndarray:
        sizes = n_reference, n_batch
        if self.window is None:
            return independent_splits(*sizes, self.n_permutations, self.rng)
        length = block_length(*sizes, self.window, self.alpha)
        return block_splits(*sizes, length, self.n_permutations, self.rng)

    def _one_by_one(
        self, a: np.ndarray, b: np.ndarray, statistics: np.ndarray, are_categories: np.ndarray
    ) -> list[_Row]:
        """Return the Kolmogorov-Smirnov test or the G-test of each column of two samples."""
        rows: list[_Row] = []
        by_permutation = permutation_p_values(statistics)
        for i, (first, second) in enumerate(zip(a.T, b.T, strict=True)):
            if are_categories[i]:
                effect = self._total_variation(first, second)
                rows.append(("G", float(statistics[0, i]), float(by_permutation[i]), *effect))
                continue
            statistic, p_value = ks_test(first, second)
            n_rows = len(first) + len(second)
            has_ties = len(np.unique(np.concatenate([first, second]))) < n_rows
            if has_ties or self.window is not None:
                p_value = float(by_permutation[i])
            rows.append(("KS", statistic, p_value, *self._effect(first, second)))
        return rows

    def _together(
        self, a: np.ndarray, b: np.ndarray, splits: np.ndarray
    ) -> tuple[_Row, np.ndarray]:
        """Return the discrepancy of the codes, and its values for all splits."""
        some_a, some_b = self._some(a, latest=True), self._some(b, latest=False)
        if len(some_a) + len(some_b) < len(splits):
            splits = self._splits(len(some_a), len(some_b))
        kernel = gaussian_kernel(np.concatenate([some_a, some_b]))
        statistics = squared_mmd(kernel, splits)[:, np.newaxis]
        near_batch = witness(kernel, splits[:, 0])
        effect = self._effect(near_batch[: len(some_a)], near_batch[len(some_a) :])
        p_value = permutation_p_values(statistics)[0]
        return ("MMD", statistics[0, 0], p_value, *effect), statistics

    def _some(self, rows: np.ndarray, *, latest: bool) -> np.ndarray:
        """Return `max_samples` rows: random ones, or those next to the other sample in time."""
        if len(rows) <= self.max_samples:
            return rows
        if self.window is None:
            return rows[self.rng.choice(len(rows), self.max_samples, replace=False)]
        return rows[-self.max_samples :] if latest else rows[: self.max_samples]

    def _effect(self, reference: np.ndarray, batch: np.ndarray) -> tuple[float, float, float]:
        return superiority(reference, batch, 1 - self.alpha, self.window)

    def _total_variation(
        self, reference: np.ndarray, batch: np.ndarray
    ) -> tuple[float, float, float]:
        """Return the total variation distance of categories, and its interval."""
        # Of zeros and ones, superiority is half the difference of the shares above one half.
        grown = self._effect(*grown_categories(reference, batch))
        effect, low, high = (max(0.0, 2 * one - 1) for one in grown)
        return effect, low, high


def _statistics(columns: np.ndarray, splits: np.ndarray, are_categories: np.ndarray) -> np.ndarray:
    """Return the statistic of each column for each split; see `ks_statistics`."""
    if not are_categories.any():
        return ks_statistics(columns, splits)
    statistics = np.empty((splits.shape[1], columns.shape[1]))
    statistics[:, ~are_categories] = ks_statistics(columns[:, ~are_categories], splits)
    statistics[:, are_categories] = g_statistics(columns[:, are_categories], splits)
    return statistics


def _unlike(taken: list[str], names: list[str]) -> list[str]:
    """Return names of columns, with "column " before one that is the name of another test."""
    return [f"column {name}" if name in taken else name for name in names]
