"""The progress bar."""

from typing import Any

from skorch.callbacks import Callback

from skae._progress import open_bar


class EpochProgressBar(Callback):
    """One bar over the epochs of a fit, with the losses and the time left, if asked for."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = None
        if net.verbose:
            self.bar_ = open_bar("fit", "epoch", net.max_epochs)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move the bar by one epoch and show the losses."""
        if self.bar_ is None:
            return
        epoch = net.history[-1]
        losses = {n: f"{epoch[n]:.4g}" for n in ("train_loss", "valid_loss") if n in epoch}
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def close(self) -> None:
        """Close the bar, however training ended."""
        if self.bar_ is not None:
            self.bar_.close()
