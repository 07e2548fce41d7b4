"""How an epoch is cut into batches."""

import math

import torch

from ._rows import rows_in_chunk

# Batches that only measure need no gradients and no randomness: larger ones are faster.
_MEASURED_ROWS = 1024


class Batches:
    """Iterator over the batches of one epoch, shuffled anew each time if asked.

    The batches of an epoch have equal sizes up to one row, so that none is so small that
    it is mostly noise (or one row, which batch normalisation cannot take).

    Parameters
    ----------
    rows : TrainingRows
        What is cut.
    batch_size : int
        Upper limit of the rows in a batch.
    generator : torch.Generator or None
        Source of the order; None keeps the rows' own order.
    kept : bool, default=False
        Whether batches may be kept, so that the next one must not take their place.
    """

    def __init__(self, rows, batch_size, generator=None, kept=False):
        self.rows = rows
        self.kept = kept
        self.generator = generator
        size = batch_size
        if generator is None:
            size = min(_MEASURED_ROWS, rows_in_chunk(rows.shape[1]))
        self.n_batches = math.ceil(len(rows) / size)
        if size > 1:
            # Rather one row too many than a batch of one, which batch normalisation refuses.
            self.n_batches = min(self.n_batches, max(1, len(rows) // 2))

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        n = len(self.rows)
        if self.generator is None:
            order = torch.arange(n)
        else:
            order = torch.randperm(n, generator=self.generator)
        for indices in order.to(self.rows.index_device).tensor_split(self.n_batches):
            x, weight = self.rows[indices]
            yield x.clone() if self.kept else x, weight
