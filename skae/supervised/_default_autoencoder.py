"""The autoencoder that is used where none is given."""

import math
from typing import Any

import numpy as np
import torch

from skae.estimators._denoising import DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork

# A code of tables of fewer columns has a component for each.
_WIDTH = 32

# Epochs make about so many steps of the largest batch, and are no more than the default.
_STEPS, _BATCH_SIZE, _MOST_EPOCHS = 1_000, 256, 50


def default_autoencoder(X: Any, device: str | torch.device) -> DenoisingAutoencoder:
    """Return a denoising autoencoder, convolutional for images, for rows of this shape.

    Denoising makes codes of rows of one class alike, and wide codes do not copy the rows.
    """
    shape = np.shape(X)
    n_rows, cells = shape[0], math.prod(shape[1:])
    n_epochs = min(_MOST_EPOCHS, math.ceil(_STEPS / math.ceil(n_rows / _BATCH_SIZE)))
    return DenoisingAutoencoder(
        max(1, min(_WIDTH, cells)),
        network=ConvolutionalNetwork() if len(shape) > 2 else None,
        max_iter=n_epochs,
        device=device,
    )
