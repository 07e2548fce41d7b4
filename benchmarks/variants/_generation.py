"""Digits that were drawn, not seen: how far they are from real ones."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from skae import AdversarialAutoencoder, AutoencoderTransformer, VariationalAutoencoder

N_COMPONENTS, N_DRAWN = 16, 2000
# Shuffled, as the digits are sorted.
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
PARAMS = {"n_components": N_COMPONENTS, "max_iter": 20, "random_state": 0}


def adversary(X_train, X_test):
    """Return how well a classifier tells codes of test digits from draws of the prior."""
    rng = np.random.default_rng(0)
    prior = rng.normal(size=(len(X_test), N_COMPONENTS))
    truth = np.repeat([0, 1], len(X_test))
    rows = []
    for name, weight in (("without the adversary", 0.0), ("AdversarialAutoencoder", 0.1)):
        aae = AdversarialAutoencoder(adversarial_weight=weight, **PARAMS)
        start = time.process_time()
        codes = aae.fit(X_train).transform(X_test)
        seconds = time.process_time() - start
        classifier = MLPClassifier((64,), early_stopping=True, random_state=0)
        both = np.concatenate([codes, prior])
        told = cross_val_score(classifier, both, truth, cv=FOLDS).mean()
        deviations = codes.std(axis=0)
        rows.append((name, told, deviations.min(), deviations.max(), -aae.score(X_test), seconds))
    columns = ["codes against the prior", "told apart", "least std", "largest std", "error"]
    return pd.DataFrame(rows, columns=[*columns, "CPU s"])


def generation(X_train, X_test):
    """Return distances of drawn digits from test digits.

    The last column is the share of images whose nearest neighbour is of their own kind: one half
    if drawn and real ones cannot be told apart.
    """
    rng = np.random.default_rng(0)
    real = X_test[rng.permutation(len(X_test))[:N_DRAWN]]
    others = X_train[rng.permutation(len(X_train))[:N_DRAWN]]
    normal = rng.normal(size=(N_DRAWN, N_COMPONENTS))
    pca = PCA(N_COMPONENTS, random_state=0).fit(X_train)
    by_pca = pca.inverse_transform(normal * np.sqrt(pca.explained_variance_))
    noise = rng.normal(size=by_pca.shape) * np.sqrt(pca.noise_variance_)
    plain = AutoencoderTransformer(**PARAMS).fit(X_train)
    drawn = {
        "training digits": others,
        "PCA, normal codes": by_pca,
        "PCA, normal codes and noise": by_pca + noise,
        "AutoencoderTransformer, normal codes": plain.inverse_transform(normal),
        "AutoencoderTransformer.sample": plain.sample(N_DRAWN, random_state=0),
    }
    for model in (
        VariationalAutoencoder(**PARAMS),
        VariationalAutoencoder(loss="log_loss", **PARAMS),
        AdversarialAutoencoder(**PARAMS),
    ):
        name = f"{type(model).__name__}.sample, {model.loss}"
        drawn[name] = model.fit(X_train).sample(N_DRAWN, random_state=0)
        if getattr(model, "noise_variance_", None) is not None:
            noise = rng.normal(size=real.shape) * np.sqrt(model.noise_variance_)
            drawn[f"{name}, and noise"] = drawn[name] + noise
    rows = []
    for name, images in drawn.items():
        images = images.astype(np.float32)
        rows.append((name, 1000 * _squared_mmd(real, images), _told_by_neighbours(real, images)))
    return pd.DataFrame(rows, columns=["drawn digits", "1000 MMD^2", "told by their neighbours"])


def _squared_mmd(real, drawn):
    """Return the unbiased squared discrepancy in a Gaussian kernel of median width."""
    between = {
        (a, b): euclidean_distances(x, y, squared=True)
        for a, x in enumerate((real, drawn))
        for b, y in enumerate((real, drawn))
    }
    width = np.median(between[0, 0])
    kernels = {pair: np.exp(-squared / width) for pair, squared in between.items()}
    n = len(real)
    within = sum(kernels[a, a].sum() - n for a in (0, 1)) / (n * (n - 1))
    return within - 2 * kernels[0, 1].mean()


def _told_by_neighbours(real, drawn):
    images, kinds = np.concatenate([real, drawn]), np.repeat([0, 1], len(real))
    # The first neighbour of an image is the image.
    index = NearestNeighbors(n_neighbors=2).fit(images).kneighbors(images, return_distance=False)
    return (kinds[index[:, 1]] == kinds).mean()
