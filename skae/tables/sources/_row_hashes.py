"""Numbers that look random and depend on nothing but the number of a row."""

import numpy as np

from skae._chunks import slices

from .._mapped_files import RowFile

# Rows that are hashed at a time.
_ROWS = 2**20


def row_hashes(rows: slice, seed: int) -> np.ndarray:
    """Return a number in [0, 1) for each row (the finalizer of Steele, Lea and Flood, 2014)."""
    z = np.arange(rows.start, rows.stop, dtype=np.uint64)
    z += np.uint64(1) + np.uint64(seed) * np.uint64(2**32)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * 2.0**-53


def held_out_by_hash(n_rows: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rows to train on, and of about a share that is held out.

    Whether a row is held out depends on its number and on the seed. Both arrays lie in temporary
    files.
    """
    with RowFile() as train, RowFile() as valid:
        for rows in slices(n_rows, _ROWS):
            held_out = row_hashes(rows, seed) < share
            numbers = np.arange(rows.start, rows.stop)
            train.append(numbers[~held_out])
            valid.append(numbers[held_out])
        return train.mapped(), valid.mapped()
