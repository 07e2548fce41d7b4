"""The explanation of outlier scores, cell by cell, by predictions from the rest of the row."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from ._ensemble import Ensemble
from ._least_scales import LEAST_SCALE

# Most values of the copies of rows at a time, to bound memory.
_VALUES = 2**22

# Most copies of a row at a time, so that time grows with the columns and not with their square.
# A prime: cells that are hidden together are then not of one column of an image, nor of one
# channel of a window.
_COPIES = 67

# Times that a hidden cell is predicted. In wide rows a cell counts less in its own prediction, so
# that fewer rounds are enough.
_ROUNDS, _ROUNDS_IF_WIDE = 5, 2

_OfRows = Callable[[np.ndarray], np.ndarray]


class Explanation(NamedTuple):
    """The explanation of the cells of some rows, in the units of their columns.

    `expected` are predicted cells, `residuals` the differences of cells and predictions, `spread`
    the standard deviations of the residuals of training rows, by column, and `shares` the parts of
    the cells in the scores of their rows.
    """

    expected: np.ndarray
    residuals: np.ndarray
    spread: np.ndarray
    shares: np.ndarray


def explain_cells(
    Z: np.ndarray, usual: np.ndarray, center: np.ndarray, ensemble: Ensemble
) -> Explanation:
    """Explain scaled rows by some training rows, `usual`, given the means of the columns."""
    columns = ensemble.columns
    expected, answers = _expected_cells(Z, center, ensemble)
    usual_cells, usual_answers = _expected_cells(usual, center, ensemble)
    if columns is None:
        residuals, spread = Z - expected, (usual - usual_cells).std(axis=0)
    else:
        residuals = columns.residuals(Z, answers)
        spread = _spread_of_known(columns.residuals(usual, usual_answers))
        # Residuals of categories have a unit of their own.
        spread[~columns.is_number] = 1.0
    spread = np.maximum(spread, LEAST_SCALE)
    suspects = _suspects(np.abs(residuals) / spread)
    shares = _shares(Z, expected, suspects, ensemble.mean_outlier_scores)
    return Explanation(expected, residuals, spread, shares)


def _spread_of_known(residuals: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column of residuals, which are NaN for gaps."""
    known = ~np.isnan(residuals)
    n_known = np.maximum(known.sum(axis=0), 1)
    mean = residuals.sum(axis=0, where=known) / n_known
    return np.sqrt(np.square(residuals - mean).sum(axis=0, where=known) / n_known)


def _expected_cells(
    Z: np.ndarray, center: np.ndarray, ensemble: Ensemble
) -> tuple[np.ndarray, np.ndarray]:
    """Return each cell as predicted from the rest of its row, and the answers of the members.

    The cell itself is hidden: the mean of its column takes its place, or a gap in mixed columns,
    and in further rounds the prediction. A network trained to predict hidden cells needs one
    round; any other comes closer with each. In wide rows every `_COPIES`-th cell is hidden at the
    same time.
    """
    mixed = ensemble.columns
    columns = np.arange(Z.shape[1])
    copy = columns % _COPIES
    n_copies = copy.max() + 1
    # Each answer is read where its column is hidden.
    column_of = columns if mixed is None else mixed.column_of
    read = copy[column_of], np.arange(len(column_of))
    answers = np.empty((len(Z), len(column_of)))
    expected = np.broadcast_to(center if mixed is None else np.nan, Z.shape)
    for _ in range(_ROUNDS if len(columns) <= _COPIES else _ROUNDS_IF_WIDE):
        for rows, copies in _copies(Z, n_copies, len(column_of)):
            copies[:, copy, columns] = expected[rows]
            answers[rows] = _answers(copies, ensemble.answers)[:, *read]
        expected = answers.copy() if mixed is None else mixed.rows(answers)
    return expected, answers


def _suspects(residuals: np.ndarray) -> np.ndarray:
    """Return the columns of the `_COPIES` largest standardised residuals of each row, in order."""
    n_suspects = min(_COPIES, residuals.shape[1])
    # A gap cannot be a suspect before a cell is.
    residuals = np.nan_to_num(residuals, nan=-1.0, posinf=np.inf)
    largest = np.argpartition(residuals, -n_suspects, axis=1)[:, -n_suspects:]
    return np.sort(largest, axis=1)


def _shares(
    Z: np.ndarray, expected: np.ndarray, suspects: np.ndarray, outlier_scores: _OfRows
) -> np.ndarray:
    """Return the share of each cell in the score of its row; a row's shares sum up to the score.

    A suspect shares in proportion to its relief, the fall of the score when the cell is as
    expected. The score that remains when all cells are as expected, or the cell of the largest
    relief, is divided equally.
    """
    total, left = outlier_scores(Z)[:, None], outlier_scores(expected)[:, None]
    scores = np.empty(suspects.shape)
    for rows, copies in _copies(Z, suspects.shape[1]):
        mine = suspects[rows]
        as_expected = np.take_along_axis(expected[rows], mine, axis=1)
        np.put_along_axis(copies, mine[:, :, None], as_expected[:, :, None], axis=2)
        scores[rows] = _answers(copies, outlier_scores)
    relief = np.zeros(Z.shape)
    np.put_along_axis(relief, suspects, np.maximum(total - scores, 0), axis=1)
    relief[np.isnan(Z)] = 0.0
    # Cells as expected one by one may contradict each other.
    left = np.minimum(left, total - relief.max(axis=1, keepdims=True))
    # Relative to the largest, as sums of very large ones are not finite. The smallest number
    # makes shares equal where no cell gives relief.
    relief /= np.maximum(relief.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    relief += np.finfo(np.float64).tiny
    return left / Z.shape[1] + (total - left) * (relief / relief.sum(axis=1, keepdims=True))


def _copies(
    Z: np.ndarray, n_copies: int, n_answers: int | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some rows at a time, and copies of them of shape (n_rows, n_copies, n_features)."""
    for rows in gen_batches(len(Z), max(1, _VALUES // (n_copies * (n_answers or Z.shape[1])))):
        yield rows, np.repeat(Z[rows, None], n_copies, axis=1)


def _answers(copies: np.ndarray, answer: _OfRows) -> np.ndarray:
    """Return an answer to rows for copies of rows."""
    answers = answer(copies.reshape(-1, copies.shape[2]))
    return answers.reshape(*copies.shape[:2], *answers.shape[1:])
