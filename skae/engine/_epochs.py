"""Epochs alone: training of a net that is not the whole fit of an autoencoder."""

import torch
from skorch.helper import predefined_split

from ._net import AutoencoderNet
from ._precision import products_in
from ._training import EpochLoop
from ._training_rows import TrainingRows


def run_epochs(
    net: AutoencoderNet, rows: TrainingRows, held_out: TrainingRows | None = None
) -> None:
    """Train a net, and keep the weights that were best on held-out rows, if there are any."""
    net.train_split = None if held_out is None else predefined_split(held_out)
    # Its parts may come from a net that was evaluated last.
    net.set_training(True)
    try:
        with products_in(net.precision, torch.device(net.device)):
            net.notify("on_train_begin", X=rows, y=None)
            EpochLoop(net, rows).run()
            net.notify("on_train_end", X=rows, y=None)
    finally:
        # The net outlives training and should keep neither the data nor copies of itself.
        net.forget_training()
        net.train_split = net.schedule_ = None
    net.set_training(False)
