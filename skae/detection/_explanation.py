"""Why a row is unusual: what the rest of it says of each cell."""

import numpy as np

# Values of the copies that are looked at in one go, so that memory stays bounded.
_VALUES = 2**22

# How often a hidden cell is predicted.
_ROUNDS = 5


def expected_cells(Z, center, reconstruct):
    """Predict each cell from the rest of its row.

    The cell itself is hidden: the mean of its column stands in its place, and then, a few times,
    what is predicted there. A network that has learned to predict hidden cells knows at once, any
    other draws nearer each time.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.
    center : ndarray of shape (n_features,)
        Means of the columns.
    reconstruct : callable
        Maps rows to their reconstructions.

    Returns
    -------
    expected : ndarray of shape (n_samples, n_features)
    """
    n_features = Z.shape[1]

    def predicted(copies):
        squares = reconstruct(copies).reshape(-1, n_features, n_features)
        return squares.diagonal(axis1=1, axis2=2)

    expected = np.broadcast_to(center, Z.shape)
    for _ in range(_ROUNDS):
        expected = _cell_by_cell(Z, expected, predicted)
    return expected


def shares_of_cells(Z, expected, unusual):
    """Share out how unusual rows are by how much less so they were with a cell as expected.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.
    expected : ndarray of shape (n_samples, n_features)
        What is expected in each cell.
    unusual : callable
        Maps rows to how unusual they are.

    Returns
    -------
    shares : ndarray of shape (n_samples, n_features)
        The shares of a row sum up to how unusual it is. What is left when every cell is as
        expected, or the worst one, is nobody's fault, and is shared alike.
    """
    total, left = unusual(Z)[:, None], unusual(expected)[:, None]

    def without(copies):
        return unusual(copies).reshape(-1, Z.shape[1])

    relief = np.maximum(total - _cell_by_cell(Z, expected, without), 0)
    # Cells that are expected one by one may not go together.
    left = np.minimum(left, total - relief.max(axis=1, keepdims=True))
    # Relative to the largest, as sums of very large ones are not finite; where there is nothing
    # to tell the cells by, they share alike.
    relief /= np.maximum(relief.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    relief += np.finfo(np.float64).tiny
    return left / Z.shape[1] + (total - left) * (relief / relief.sum(axis=1, keepdims=True))


def _cell_by_cell(Z, replacements, answer):
    """Return what is answered to each row with one of its cells replaced, for each cell."""
    n_features = Z.shape[1]
    diagonal = np.arange(n_features)
    answers = np.empty(Z.shape)
    step = max(1, _VALUES // n_features**2)
    for start in range(0, len(Z), step):
        some = slice(start, start + step)
        copies = np.repeat(Z[some, None], n_features, axis=1)
        copies[:, diagonal, diagonal] = replacements[some]
        answers[some] = answer(copies.reshape(-1, n_features))
    return answers
