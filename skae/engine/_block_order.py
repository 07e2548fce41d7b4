"""The order of rows that are larger than memory: blocks at random, and rows within several."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

# Cells of a block, which is read in one piece, and blocks in memory at a time.
_BLOCK_CELLS, _BLOCKS = 2**18, 256


def block_order(shape: tuple[int, int], n_batches: int, generator: Generator) -> Iterator[Tensor]:
    """Yield the indices of the rows of each batch, in an order that reads files fast.

    Blocks of rows that follow each other are permuted, and the rows of several such blocks
    together. Training converges as with all rows permuted, also where the file is sorted by a label
    (Xu et al., 2022). The batches have equal sizes up to one row.
    """
    n_rows, n_columns = shape
    n_in_block = max(1, _BLOCK_CELLS // n_columns)
    blocks = torch.randperm(-(-n_rows // n_in_block), generator=generator, device="cpu")
    sizes = (n_rows // n_batches + (i < n_rows % n_batches) for i in range(n_batches))
    left, size = blocks[:0], next(sizes)
    for some in blocks.split(_BLOCKS):
        starts = (some * n_in_block).tolist()
        rows = [torch.arange(start, min(start + n_in_block, n_rows)) for start in starts]
        order = torch.cat([left, *rows])
        order = order[torch.randperm(len(order), generator=generator, device="cpu")]
        n_used = 0
        # The last rows wait for those of the next blocks.
        while size and n_used + size <= len(order):
            yield order[n_used : n_used + size]
            n_used, size = n_used + size, next(sizes, 0)
        left = order[n_used:]
