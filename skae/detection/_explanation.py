"""The explanation of outlier scores, cell by cell, by predictions from the rest of the row."""

from collections.abc import Callable

import numpy as np
from sklearn.utils import gen_batches

from ._ensemble import Ensemble
from ._outlier_scores import LEAST_SCALE

# Most values of the copies of rows at a time, to bound memory.
_VALUES = 2**22

# Times that a hidden cell is predicted.
_ROUNDS = 5

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
    return expected, spread, _shares_of_cells(Z, expected, ensemble.mean_outlier_scores)


def _expected_cells(Z: np.ndarray, center: np.ndarray, reconstruct: _OfRows) -> np.ndarray:
    """Return each cell as predicted from the rest of its row.

    The cell itself is hidden: the mean of its column takes its place, and in further rounds the
    prediction. A network trained to predict hidden cells needs one round; any other comes closer
    with each.
    """
    n_features = Z.shape[1]

    def predictions(copies: np.ndarray) -> np.ndarray:
        squares = reconstruct(copies).reshape(-1, n_features, n_features)
        return squares.diagonal(axis1=1, axis2=2)

    expected = np.broadcast_to(center, Z.shape)
    for _ in range(_ROUNDS):
        expected = _cell_by_cell(Z, expected, predictions)
    return expected


def _shares_of_cells(Z: np.ndarray, expected: np.ndarray, outlier_scores: _OfRows) -> np.ndarray:
    """Return the share of each cell in the score of its row; a row's shares sum up to the score.

    A cell shares in proportion to its relief, the fall of the score when the cell is as expected.
    The score that remains when all cells are as expected, or the cell of the largest relief, is
    divided equally.
    """
    total, left = outlier_scores(Z)[:, None], outlier_scores(expected)[:, None]

    def without(copies: np.ndarray) -> np.ndarray:
        return outlier_scores(copies).reshape(-1, Z.shape[1])

    relief = np.maximum(total - _cell_by_cell(Z, expected, without), 0)
    # Cells as expected one by one may contradict each other.
    left = np.minimum(left, total - relief.max(axis=1, keepdims=True))
    # Relative to the largest, as sums of very large ones are not finite. The smallest number
    # makes shares equal where no cell gives relief.
    relief /= np.maximum(relief.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    relief += np.finfo(np.float64).tiny
    return left / Z.shape[1] + (total - left) * (relief / relief.sum(axis=1, keepdims=True))


def _cell_by_cell(Z: np.ndarray, replacements: np.ndarray, answer: _OfRows) -> np.ndarray:
    """Return for each cell the answer to its row with that cell replaced."""
    n_features = Z.shape[1]
    diagonal = np.arange(n_features)
    answers = np.empty(Z.shape)
    for rows in gen_batches(len(Z), max(1, _VALUES // n_features**2)):
        copies = np.repeat(Z[rows, None], n_features, axis=1)
        copies[:, diagonal, diagonal] = replacements[rows]
        answers[rows] = answer(copies.reshape(-1, n_features))
    return answers
