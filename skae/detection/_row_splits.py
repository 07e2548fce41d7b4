"""Splits of reference and batch that chance could have made: permutations of rows or of blocks."""

from math import comb

import numpy as np

# Fewest blocks of all rows: among fewer, hardly any split is unlike the observed one.
_FEWEST_BLOCKS = 8

# Ways to choose the blocks of the batch, times alpha: needed, and left when blocks are lengthened.
# Some of the ways give nearly the observed batch, so that the smallest p-values are above 1 / ways.
_FEWEST_WAYS, _AMPLE_WAYS = 2, 20

# Windows in a block: what is missing between longer blocks is too little to matter.
_MOST_WINDOWS = 10


def independent_splits(
    n_reference: int, n_batch: int, n_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the observed split, and random ones of independent rows.

    Splits are of shape (n_reference + n_batch, 1 + n_permutations): True where a row is in the
    batch.
    """
    observed = np.arange(n_reference + n_batch) >= n_reference
    drawn = rng.permuted(np.tile(observed, (n_permutations, 1)), axis=1)
    return np.ascontiguousarray(np.vstack([observed, drawn]).T)


def block_splits(
    n_reference: int, n_batch: int, length: int, n_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the observed split, and random ones of ordered rows; see `independent_splits`.

    The rows of the reference and then the batch form a circle (Politis and Romano, 1992). Each
    permutation cuts it at a random place, and then into blocks of about `length` rows. Random
    blocks make the batch, the last of them in part.
    """
    n_rows = n_reference + n_batch
    edges = np.linspace(0, n_rows, n_rows // length + 1).astype(int)
    splits = np.zeros((n_rows, 1 + n_permutations), dtype=bool)
    splits[n_reference:, 0] = True
    for i in range(1, 1 + n_permutations):
        order = rng.permutation(len(edges) - 1)
        rows = np.concatenate([np.arange(edges[k], edges[k + 1]) for k in order])[:n_batch]
        splits[(rows + rng.integers(n_rows)) % n_rows, i] = True
    return splits


def block_length(n_reference: int, n_batch: int, window: int, alpha: float) -> int:
    """Return the length of the blocks that are permuted, at least `window` rows.

    Rows of the observed batch follow each other, those of a permuted one do so only within its
    blocks. Short blocks therefore vary too little where rows are dependent, and raise false alarms.
    Longer blocks cost some power, so they have ten windows or half a batch at most, and leave many
    ways to choose those of a batch.
    """
    longest = min(_MOST_WINDOWS * window, min(n_reference, n_batch) // 2)
    for length in range(longest, window, -1):
        if _has_enough_ways(n_reference, n_batch, length, _AMPLE_WAYS / alpha):
            return length
    n_needed = _FEWEST_WAYS / alpha
    if _has_enough_ways(n_reference, n_batch, window, n_needed):
        return window
    n_rows = n_reference + n_batch
    raise ValueError(
        f"window={window} makes {n_rows // window} blocks of the {n_rows} rows of reference "
        f"({n_reference}) and batch ({n_batch}), too few to tell drift from chance at "
        f"alpha={alpha}: expected at least {_FEWEST_BLOCKS} blocks, and {n_needed:.0f} ways to "
        f"choose those of the batch. Test more rows, fit on more, or use a smaller window if rows "
        f"that are nearer to each other are independent."
    )


def _has_enough_ways(n_reference: int, n_batch: int, length: int, n_needed: float) -> bool:
    n_blocks = (n_reference + n_batch) // length
    in_smaller = -(-min(n_reference, n_batch) // length)
    return n_blocks >= _FEWEST_BLOCKS and comb(n_blocks, in_smaller) >= n_needed
