"""The autoencoder that the outlier detector has by default."""

from math import ceil

import torch

from skae.estimators._denoising import DenoisingAutoencoder

# Training steps: three hundred detect as well as six hundred or fifteen hundred do.
_STEPS, _BATCH_SIZE = 300, 128

# Width of the hidden layers, and of the code unless the table has fewer columns. A wide code does
# not learn to copy the cells, as these are masked.
_WIDTH = 64


def denoiser_for_detection(
    n_features: int, n_samples: int, device: str | torch.device
) -> DenoisingAutoencoder:
    """Return an autoencoder that learns to predict masked cells from the others of their row.

    A plain autoencoder also learns to reconstruct the outliers that it sees in training. A masked
    cell has to be predicted from the rest of the row, and few rows cannot teach rare relations.
    """
    return DenoisingAutoencoder(
        min(n_features, _WIDTH),
        noise="masking",
        noise_level=0.3,
        hidden_layer_sizes=(_WIDTH,),
        init="random",
        learning_rate_init=5e-3,
        batch_size=_BATCH_SIZE,
        max_iter=ceil(_STEPS / max(1, n_samples / _BATCH_SIZE)),
        early_stopping=False,
        device=device,
    )
