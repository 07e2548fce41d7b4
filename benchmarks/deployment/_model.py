"""The model that is kept, exported and served."""

import numpy as np

from benchmarks._data import load_mnist
from skae import AutoencoderTransformer

N_FEATURES, HIDDEN, N_COMPONENTS = 784, (256, 128), 32


def fitted_model(folder):
    """Return an autoencoder of 784-256-128-32 units, and rows for it.

    It is trained for all of its default epochs, as its history is part of a file, on few rows, as
    what it has learned is not.
    """
    if (folder / "mnist.npz").exists():
        X = load_mnist(folder)[0][:6000]
    else:
        print("MNIST is not there: random numbers take its place.")
        X = np.random.default_rng(0).random((6000, N_FEATURES), dtype=np.float32)
    model = AutoencoderTransformer(
        N_COMPONENTS, hidden_layer_sizes=HIDDEN, early_stopping=True, random_state=0
    )
    return model.fit(X), X
