"""The entries that training writes into skorch's history."""

import math
from typing import TYPE_CHECKING, Any

from skorch.history import History

from ._batches import Batches, MeasuredBatches
from ._column_losses import losses_by_column
from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._net import AutoencoderNet


class EpochHistory(History):
    """skorch's history, in which access to one epoch costs the same however many there are."""

    def __getitem__(self, i: Any) -> Any:
        # skorch copies the whole list first.
        return list.__getitem__(self, i) if isinstance(i, int) else super().__getitem__(i)


def record_epoch(
    net: "AutoencoderNet", prefix: str, batches: Batches | MeasuredBatches, parts: dict[str, float]
) -> None:
    """Write the mean parts of the objective, their sum and whether it is the best so far."""
    history, loss = net.history, net.finite(sum(parts.values()), f"{prefix} loss")
    if not net.listens_to_batches_:
        # skorch's callbacks may look at the last batch: the whole epoch counts as one.
        history.new_batch()
        record_batch(net, prefix, loss, len(batches.rows))
    history.record(prefix + "_batch_count", len(batches))
    best = _best_recorded(net, prefix)
    history.record(prefix + "_loss", loss)
    history.record(prefix + "_loss_best", loss < best)
    net.best_losses_[prefix] = history[-1], min(loss, best)
    for name, value in parts.items():
        history.record(f"{prefix}_{name}", value)


def record_columns(net: "AutoencoderNet", prefix: str, rows: TrainingRows) -> None:
    """Write the loss of each column by its name, of a table whose columns have losses."""
    for name, loss in losses_by_column(net, rows).items():
        net.history.record(f"{prefix}_column_{name}", loss)


def record_batch(net: "AutoencoderNet", prefix: str, loss: float, n_rows: int) -> None:
    """Write loss and size of a batch."""
    net.history.record_batch(prefix + "_loss", loss)
    net.history.record_batch(prefix + "_batch_size", n_rows)


def drop_unfinished_epoch(net: "AutoencoderNet", last_entry: str) -> None:
    """Remove the last epoch if it lacks the entry that is written last."""
    if net.history and last_entry not in net.history[-1]:
        net.history.pop()


def _best_recorded(net: "AutoencoderNet", prefix: str) -> float:
    """Return the lowest loss of the epochs before: that of the last one marked as best."""
    history = net.history
    if len(history) < 2:
        return math.inf
    epoch, best = net.best_losses_.get(prefix, (None, math.inf))
    if epoch is history[-2]:
        return best
    # The epochs before were recorded by another net, or a callback changed the history.
    for epoch in reversed(history[:-1]):
        if epoch.get(prefix + "_loss_best"):
            return epoch[prefix + "_loss"]
    return math.inf
