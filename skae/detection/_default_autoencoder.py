"""The autoencoder that the outlier detector has by default."""

from math import ceil

from skae.estimators import DenoisingAutoencoder

# Enough for any table: from three hundred to fifteen hundred steps detect equally well.
_STEPS, _BATCH_SIZE = 600, 128

# Width of the hidden layers, and of the code unless the table has fewer columns: as cells are
# masked, a wide code does not learn to copy them.
_WIDTH = 64


def denoiser_for_detection(n_features, n_samples, device):
    """Make an autoencoder that predicts masked cells from the others.

    With outliers in the training data an autoencoder learns to reconstruct them, too; what is
    masked it has to predict from the rest of the row, and rare relations cannot be learned from
    few rows.

    Parameters
    ----------
    n_features : int
        Columns of the table.
    n_samples : int
        Rows that it will be trained on.
    device : str or torch.device
        Where.

    Returns
    -------
    autoencoder : DenoisingAutoencoder
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
