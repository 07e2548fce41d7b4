"""The part of the net that calls callbacks and predicts for them."""

import math
from typing import Any

import numpy as np
import torch
from skorch.callbacks import EarlyStopping
from torch import Tensor
from torch.utils.data import Dataset

from skae._batch import Batch, total
from skae._compat import OpenNet

from ._callbacks import explained
from ._history import EpochHistory, record_batch
from ._progress import EpochProgressBar
from ._training_rows import TensorRows, TrainingRows


class ObservedNet(OpenNet):
    """A skorch net that tells callbacks of epochs and batches, and predicts for them."""

    def default_callbacks(self) -> list:
        """Return the progress bar alone: the net itself records losses."""
        return [("progress_bar", EpochProgressBar())]

    def initialize_history(self) -> "ObservedNet":
        """Make an empty history."""
        self.history_ = EpochHistory()
        # By prefix: the last epoch that was recorded, and the best loss up to it.
        self.best_losses_: dict[str, tuple[dict[str, Any], float]] = {}
        return self

    def initialize_callbacks(self) -> "ObservedNet":
        """Initialise the callbacks; see skorch.NeuralNet.initialize_callbacks."""
        for _, callback, named in self.all_callbacks():
            # As in skorch, None takes the place of a callback that is switched off.
            if not hasattr(callback, "on_epoch_end") and not (named and callback is None):
                raise ValueError(
                    f"callbacks must hold skorch callbacks or pairs of a name and one, got "
                    f"{callback!r}."
                )
        return super().initialize_callbacks()

    @property
    def is_watched(self) -> bool:
        """Whether a callback of the user's could change the net between two epochs."""
        return len(self.callbacks_) > len(self.default_callbacks())

    def notify(self, method_name: str, **kwargs: Any) -> None:
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

    def tell_batch(
        self, training: bool, prefix: str, batch: Batch, parts: dict[str, Tensor] | None = None
    ) -> None:
        """Tell the callbacks that a batch begins, or, given its parts, that it ended.

        Callbacks are told of rows and what the decoder should give for them, and of what the
        network predicts for them without dropout. They do not change what is trained.
        """
        told = {"batch": (batch.x, batch.expected), "training": training}
        if parts is None:
            self.notify("on_batch_begin", **told)
        else:
            loss = total(parts.values()).detach()
            record_batch(self, prefix, loss.item(), len(batch))
            self.set_mode(training=False)
            with torch.no_grad():
                y_pred = self.infer(batch.x)
            self.notify("on_batch_end", **told, loss=loss, y_pred=y_pred)
        # A callback may have predicted.
        self.set_mode(training)

    def evaluation_step(self, batch: Batch, training: bool = False) -> Tensor:
        """Return what the network predicts for a batch; skorch's own method wants pairs."""
        self.set_training(training)
        with torch.set_grad_enabled(training):
            return self.infer(batch.x)

    def set_mode(self, training: bool) -> None:
        """Switch network and objective between training and measuring."""
        if self.module_.training != training:
            self.set_training(training)

    def finite(self, loss: float, name: str) -> float:
        """Return a loss, or raise an error that says what to do if it is infinite or NaN."""
        if math.isfinite(loss):
            return loss
        raise ValueError(
            f"The {name} became {loss} in epoch {len(self.history)}. Try a smaller "
            f"learning_rate_init (now {self.lr}), max_grad_norm=1.0, or data without extreme "
            f"values (RobustScaler does away with them)."
        )

    def get_dataset(self, X: Any, y: None = None) -> TrainingRows:
        """Return rows, as the network sees them, as a dataset that it goes through.

        `X` are TrainingRows, an array or tensor of shape (n_samples, n_features), or another
        dataset of torch, of which the first entry of each item is a row. `y` is ignored.
        """
        if isinstance(X, TrainingRows):
            return X
        if isinstance(X, Dataset):
            n_rows = len(X)  # type: ignore[arg-type]  # those with indices have a length
            X = torch.stack([torch.as_tensor(X[i][0]) for i in range(n_rows)])
        X = torch.as_tensor(X.detach() if isinstance(X, Tensor) else np.asarray(X))
        weights = next(self.module_.parameters())
        return TrainingRows(TensorRows(X), None, weights.dtype, weights.device)
