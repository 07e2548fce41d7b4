"""The part of the net that callbacks deal with."""

import math

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping
from torch.utils.data import Dataset

from ._callbacks import explained
from ._progress import EpochProgressBar
from ._training_rows import TensorRows, TrainingRows


class ObservedNet(NeuralNet):
    """A skorch net that tells callbacks of epochs and batches, and predicts for them."""

    @property
    def _default_callbacks(self):
        # Losses are recorded by the net itself.
        return [("progress_bar", EpochProgressBar())]

    def initialize_callbacks(self):
        """Initialise the callbacks; see skorch.NeuralNet.initialize_callbacks."""
        for _, callback, named in self._yield_callbacks():
            # As in skorch, None takes the place of a callback that is switched off.
            if not hasattr(callback, "on_epoch_end") and not (named and callback is None):
                raise ValueError(
                    f"callbacks must hold skorch callbacks or pairs of a name and one, got "
                    f"{callback!r}."
                )
        return super().initialize_callbacks()

    @property
    def is_watched(self):
        """Whether anybody could change the net between two epochs."""
        return len(self.callbacks_) > len(self._default_callbacks)

    def notify(self, method_name, **kwargs):
        """Tell all callbacks; skorch's EarlyStopping ends training without a warning."""
        getattr(self, method_name)(self, **kwargs)
        for name, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except KeyboardInterrupt:
                if not isinstance(callback, EarlyStopping):
                    raise
                self.stopped_ = True
            except KeyError as error:
                explanation = explained(error, name, self.history, self.train_split is not None)
                if explanation is None:
                    raise
                raise explanation from error

    def tell_batch(self, training, prefix, batch, parts=None):
        """Tell the callbacks that a batch begins, or, given its parts, that it ended.

        They are told of rows and their targets, which are the rows themselves, and of what the
        network predicts for them without dropout. Calling the callbacks does not change what is
        trained.

        Parameters
        ----------
        training : bool
            Whether the batch is trained on.
        prefix : {"train", "valid"}
            First part of the names in the history.
        batch : tuple
            Rows and their weights.
        parts : dict or None, default=None
            The parts of the objective.
        """
        x, _ = batch
        told = {"batch": (x, x), "training": training}
        if parts is None:
            self.notify("on_batch_begin", **told)
        else:
            loss = sum(parts.values()).detach()
            self.record_batch(prefix, loss.item(), len(x))
            self._set_mode(training=False)
            with torch.no_grad():
                y_pred = self.infer(x)
            self.notify("on_batch_end", **told, loss=loss, y_pred=y_pred)
        # A callback may have predicted.
        self._set_mode(training)

    def _set_mode(self, training):
        if self.module_.training != training:
            self._set_training(training)

    def record_batch(self, prefix, loss, n_rows):
        """Write loss and size of a batch into the history."""
        self.history.record_batch(prefix + "_loss", loss)
        self.history.record_batch(prefix + "_batch_size", n_rows)

    def _record_epoch(self, prefix, batches, parts):
        if not self._listens:
            # skorch's callbacks may look at the last batch: the whole epoch counts as one.
            self.history.new_batch()
            self.record_batch(prefix, sum(parts.values()), len(batches.rows))
        self.history.record(prefix + "_batch_count", len(batches))
        self._record(prefix, parts)

    def _drop_unfinished_epoch(self, last_entry):
        if self.history and last_entry not in self.history[-1]:
            self.history.pop()

    def _record(self, prefix, parts):
        """Write the parts of the objective and their sum into the history."""
        loss = self._finite(sum(parts.values()), f"{prefix} loss")
        best = self._best_recorded(prefix)
        self.history.record(prefix + "_loss", loss)
        self.history.record(prefix + "_loss_best", loss < best)
        for name, value in parts.items():
            self.history.record(f"{prefix}_{name}", value)

    def _best_recorded(self, prefix):
        """Return the lowest loss of the epochs before: that of the last one marked as best."""
        for i in range(len(self.history) - 2, -1, -1):
            epoch = self.history[i]
            if epoch.get(prefix + "_loss_best"):
                return epoch[prefix + "_loss"]
        return math.inf

    def _finite(self, loss, name):
        if math.isfinite(loss):
            return loss
        raise ValueError(
            f"The {name} became {loss} in epoch {len(self.history)}. Try a smaller "
            f"learning_rate_init (now {self.lr}), max_grad_norm=1.0, or data without extreme "
            f"values (RobustScaler does away with them)."
        )

    def get_dataset(self, X, y=None):
        """Return rows, as the network sees them, as a dataset that it goes through.

        Parameters
        ----------
        X : {TrainingRows, torch Dataset, array-like, tensor} of shape (n_samples, n_features)
            The rows; of another dataset of torch, the first entry of each item.
        y : None
            Ignored: rows are their own target.
        """
        if isinstance(X, TrainingRows):
            return X
        if isinstance(X, Dataset):
            X = torch.stack([torch.as_tensor(X[i][0]) for i in range(len(X))])
        X = torch.as_tensor(X.detach() if isinstance(X, torch.Tensor) else np.asarray(X))
        weights = next(self.module_.parameters())
        return TrainingRows(TensorRows(X), None, weights.dtype, weights.device)
