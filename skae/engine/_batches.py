"""How an epoch is cut into batches."""

import math

import torch

from skae._chunks import rows_in_chunk, slices

# Batches that only measure need no gradients and no randomness: larger ones are faster.
_MEASURED_ROWS = 1024


class Batches:
    """Iterator over the batches of one epoch of training, shuffled anew each time.

    The batches have equal sizes up to one row, so that none is so small that it is mostly
    noise (or one row, which batch normalisation cannot take).

    Parameters
    ----------
    rows : TrainingRows
        What is cut.
    batch_size : int
        Upper limit of the rows in a batch.
    generator : torch.Generator
        Source of the order, on the CPU.
    """

    def __init__(self, rows, batch_size, generator):
        self.rows = rows
        self.generator = generator
        self.n_batches = math.ceil(len(rows) / batch_size)
        if batch_size > 1:
            # Rather one row too many than a batch of one, which batch normalisation refuses.
            self.n_batches = min(self.n_batches, max(1, len(rows) // 2))

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        for indices in self.indices():
            yield self.rows.read(indices)

    def indices(self):
        """Return which rows make the batches of an epoch, a tuple of LongTensors."""
        order = torch.randperm(len(self.rows), generator=self.generator, device="cpu")
        if self.rows.index_device.type == "cuda":
            # A copy from pinned memory does not wait for the GPU.
            order = order.pin_memory()
        order = order.to(self.rows.index_device, non_blocking=True)
        return order.tensor_split(self.n_batches)


class MeasuredBatches:
    """Iterator over all rows in their own order, in batches that only measure.

    Parameters
    ----------
    rows : TrainingRows
        What is cut.
    """

    def __init__(self, rows):
        self.rows = rows
        size = rows_in_chunk(rows.shape[1], rows.device)
        if rows.device.type == "cpu":
            size = min(_MEASURED_ROWS, size)
        self._slices = list(slices(len(rows), size))

    def __len__(self):
        return len(self._slices)

    def __iter__(self):
        for selection in self._slices:
            yield self.rows.read(selection)


def mean_parts(batches, step, listener=None):
    """Take a step on each batch; return the mean over the rows of each part it answers.

    The sums stay on the device until the last batch is done.

    Parameters
    ----------
    batches : iterable of tuple
        Rows, of shape (..., n_samples, n_features), and weights.
    step : callable
        Maps a batch to a dict of tensors.
    listener : callable or None, default=None
        Called with each batch before the step, and with batch and parts after it.

    Returns
    -------
    parts : dict
        Of floats, or of lists where a step answers for several nets.
    """
    totals, n_rows = {}, 0
    for batch in batches:
        if listener is not None:
            # A callback may keep the batch, and the next batch overwrites this memory.
            batch = (batch[0].clone(), batch[1])
            listener(batch)
        parts = step(batch)
        if listener is not None:
            listener(batch, parts)
        n = batch[0].shape[-2]
        n_rows += n
        for name, value in parts.items():
            if name in totals:
                totals[name].add_(value.detach(), alpha=n)
            else:
                totals[name] = value.detach() * n
    return {name: _read(total / n_rows) for name, total in totals.items()}


def _read(value):
    return value.tolist() if value.ndim else value.item()
