"""The autoencoder that the members of an outlier detector are copies of."""

from math import ceil
from typing import Any

import torch

from skae.estimators._denoising import DenoisingAutoencoder
from skae.estimators._variational import VariationalAutoencoder
from skae.estimators.base import BaseAutoencoder

# Training steps: in tables of numbers three hundred detect as well as fifteen hundred do.
_STEPS, _BATCH_SIZE = 300, 128

# Rare combinations of categories are learned later than relations of numbers. In a table with
# categories training sees each row this many times, but takes no more than these steps. In small
# tables, more visits would also teach the outliers.
_VISITS, _MOST_STEPS = 120, 1500

# Width of the hidden layers, and of the code unless the table has fewer columns. A wide code does
# not learn to copy the cells, as these are masked.
_WIDTH, _CODE_WIDTH = 64, 32


def autoencoder_to_fit(detector: Any) -> BaseAutoencoder:
    """Return the autoencoder of a detector before it knows the size of the table."""
    given = detector.autoencoder, detector.scoring
    return autoencoder_for_detection(*given, 1, 1, False, detector.device)


def autoencoder_for_detection(
    autoencoder: BaseAutoencoder | None,
    scoring: str,
    n_features: int,
    n_samples: int,
    has_categories: bool,
    device: str | torch.device,
) -> BaseAutoencoder:
    """Return the autoencoder that members are copies of, given the parameters of the detector."""
    likelihood = scoring == "likelihood"
    if autoencoder is None:
        if likelihood:
            return VariationalAutoencoder(device=device)
        n_batches = max(1, n_samples / _BATCH_SIZE)
        n_steps = min(max(_STEPS, _VISITS * n_batches), _MOST_STEPS) if has_categories else _STEPS
        return _denoiser(n_features, ceil(n_steps / n_batches), device)
    if likelihood and not isinstance(autoencoder, VariationalAutoencoder):
        raise ValueError(
            f"scoring='likelihood' needs an autoencoder that has a likelihood, "
            f"VariationalAutoencoder, got autoencoder={autoencoder!r}. Use that, or another "
            f"scoring."
        )
    return autoencoder


def _denoiser(n_features: int, n_epochs: int, device: str | torch.device) -> DenoisingAutoencoder:
    """Return an autoencoder that learns to predict masked cells from the others of their row.

    A plain autoencoder also learns to reconstruct the outliers that it sees in training. A masked
    cell has to be predicted from the rest of the row, and few rows cannot teach rare relations.
    """
    return DenoisingAutoencoder(
        min(n_features, _CODE_WIDTH),
        noise="masking",
        noise_level=0.3,
        hidden_layer_sizes=(_WIDTH,),
        init="random",
        learning_rate_init=5e-3,
        batch_size=_BATCH_SIZE,
        max_iter=n_epochs,
        early_stopping=False,
        device=device,
    )
