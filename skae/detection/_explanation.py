"""The explanation of outlier scores, cell by cell, by predictions from the rest of the row."""

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.utils import gen_batches

from ._ensemble import Ensemble
from ._outlier_scores import LEAST_SCALE

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


def explain_cells(
    Z: np.ndarray, usual: np.ndarray, center: np.ndarray, ensemble: Ensemble
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predicted cells, the spread of residuals in each column, and shares of cells.

    Residuals are those of the training rows `usual`; `center` holds the means of the columns.
    """
    expected = _expected_cells(Z, center, ensemble.reconstruct)
    residuals = usual - _expected_cells(usual, center, ensemble.reconstruct)
    spread = np.maximum(residuals.std(axis=0), LEAST_SCALE)
    suspects = _suspects(np.abs(Z - expected) / spread)
    return expected, spread, _shares(Z, expected, suspects, ensemble.mean_outlier_scores)


def _expected_cells(Z: np.ndarray, center: np.ndarray, reconstruct: _OfRows) -> np.ndarray:
    """Return each cell as predicted from the rest of its row.

    The cell itself is hidden: the mean of its column takes its place, and in further rounds the
    prediction. A network trained to predict hidden cells needs one round; any other comes closer
    with each. In wide rows every `_COPIES`-th cell is hidden at the same time.
    """
    columns = np.arange(Z.shape[1])
    copy = columns % _COPIES
    n_copies = copy.max() + 1
    expected = np.broadcast_to(center, Z.shape)
    for _ in range(_ROUNDS if len(columns) <= _COPIES else _ROUNDS_IF_WIDE):
        hidden_by, expected = expected, np.empty(Z.shape)
        for rows, copies in _copies(Z, n_copies):
            copies[:, copy, columns] = hidden_by[rows]
            expected[rows] = _answers(copies, reconstruct)[:, copy, columns]
    return expected


def _suspects(residuals: np.ndarray) -> np.ndarray:
    """Return the columns of the `_COPIES` largest standardised residuals of each row, in order."""
    n_suspects = min(_COPIES, residuals.shape[1])
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
    # Cells as expected one by one may contradict each other.
    left = np.minimum(left, total - relief.max(axis=1, keepdims=True))
    # Relative to the largest, as sums of very large ones are not finite. The smallest number
    # makes shares equal where no cell gives relief.
    relief /= np.maximum(relief.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    relief += np.finfo(np.float64).tiny
    return left / Z.shape[1] + (total - left) * (relief / relief.sum(axis=1, keepdims=True))


def _copies(Z: np.ndarray, n_copies: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some rows at a time, and copies of them of shape (n_rows, n_copies, n_features)."""
    for rows in gen_batches(len(Z), max(1, _VALUES // (n_copies * Z.shape[1]))):
        yield rows, np.repeat(Z[rows, None], n_copies, axis=1)


def _answers(copies: np.ndarray, answer: _OfRows) -> np.ndarray:
    """Return an answer to rows for copies of rows."""
    answers = answer(copies.reshape(-1, copies.shape[2]))
    return answers.reshape(*copies.shape[:2], *answers.shape[1:])
