"""Losses for counts on made tables whose truth is known: genes in cells, and words in texts.

The counts of held-out rows are split in two at random, each count binomially: models encode one
half, and their shares of the columns predict the other, given its total. All models are measured in
this way, and the truth too: a row cannot tell a model its own noise.
"""

from time import process_time

import numpy as np
import pandas as pd
import torch
from scipy import optimize
from scipy.special import gammaln, xlogy
from sklearn.decomposition import PCA, LatentDirichletAllocation

from skae import AutoencoderTransformer, VariationalAutoencoder

N_TRAIN, N_TEST, N_COLUMNS, N_FACTORS = 3000, 1000, 2000, 10
SEEDS = range(3)


def cells(rng):
    """Return counts, shares and dispersions of genes in cells of ten factors.

    Log-shares are linear in normal factors, each of which moves a third of the genes; depths are
    log-normal with a median of 5,000 counts.
    """
    n_rows = N_TRAIN + N_TEST
    loadings = 0.5 * rng.normal(size=(N_FACTORS, N_COLUMNS))
    loadings *= rng.random(loadings.shape) < 1 / 3
    logits = 1.5 * rng.normal(size=N_COLUMNS) + rng.normal(size=(n_rows, N_FACTORS)) @ loadings
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    dispersion = np.exp(rng.normal(-1, 0.5, N_COLUMNS))
    rates = 5000 * np.exp(0.4 * rng.normal(size=(n_rows, 1))) * shares
    rates *= rng.gamma(1 / dispersion, dispersion, rates.shape)
    return rng.poisson(rates), shares, dispersion


def words(rng):
    """Return counts and shares of words in texts of ten topics, as latent Dirichlet allocation."""
    n_rows = N_TRAIN + N_TEST
    topics = rng.dirichlet(np.full(N_COLUMNS, 0.05), N_FACTORS)
    shares = rng.dirichlet(np.full(N_FACTORS, 0.3), n_rows) @ topics
    lengths = np.round(200 * np.exp(0.6 * rng.normal(size=n_rows))).astype(int)
    return rng.multinomial(lengths, shares / shares.sum(axis=1, keepdims=True)), shares


def halves(counts, rng):
    """Return two halves of counts, each count split at random."""
    first = rng.binomial(counts, 0.5)
    return first.astype(np.float32), (counts - first).astype(np.float32)


def shares_of(rates):
    """Return rates of rows as shares of their total."""
    return rates / rates.sum(axis=1, keepdims=True)


def negative_binomial(counts, mean, dispersion):
    """Return the log-likelihood of each cell in nats."""
    shape = 1 / dispersion
    ways = gammaln(counts + shape) - gammaln(shape) - gammaln(counts + 1)
    return ways - shape * np.log1p(dispersion * mean) + xlogy(counts, mean / (shape + mean))


def likeliest_dispersions(counts, mean):
    """Return the dispersion of each column that makes its counts most likely."""

    def of_column(x, m):
        def loss(log_dispersion):
            return -negative_binomial(x, m, np.exp(log_dispersion)).sum()

        return np.exp(optimize.minimize_scalar(loss, bounds=(-12, 5), method="bounded").x)

    return np.array([of_column(x, m) for x, m in zip(counts.T, mean.T, strict=True)])


class LogPCA:
    """PCA of the logarithms of one plus counts that are scaled to the mean total."""

    def fit(self, X):
        """Learn components, and the dispersions that suit its rates best."""
        self.depth_ = X.sum(axis=1).mean()
        self.pca_ = PCA(N_FACTORS, svd_solver="randomized", random_state=0).fit(self._logs(X))
        mean = X.sum(axis=1, keepdims=True) * shares_of(self.reconstruct(X))
        self.dispersion_ = likeliest_dispersions(X, mean)
        return self

    def reconstruct(self, X):
        """Return rates, above zero."""
        logs = self.pca_.inverse_transform(self.pca_.transform(self._logs(X)))
        return np.expm1(logs).clip(1e-6 * self.depth_ / X.shape[1])

    def _logs(self, X):
        return np.log1p(X / X.sum(axis=1, keepdims=True).clip(1) * self.depth_)


class Topics(LatentDirichletAllocation):
    """Latent Dirichlet allocation that answers in shares of words."""

    def reconstruct(self, X):
        """Return the shares of the words that the topics of each text make."""
        return self.transform(X) @ shares_of(self.components_)


def of_cells(seed):
    """Yield a result of each model on cells: the mean log-likelihood of a row."""
    rng = np.random.default_rng(seed)
    counts, shares, dispersion = cells(rng)
    train, (seen, hidden) = counts[:N_TRAIN].astype(np.float32), halves(counts[N_TRAIN:], rng)
    depth = hidden.sum(axis=1, keepdims=True, dtype=np.float64)

    def result(model, shares, dispersion, seconds=np.nan):
        found = negative_binomial(hidden, depth * shares, dispersion).sum(axis=1).mean()
        return {"model": model, "nats per row": found, "CPU seconds": seconds}

    truth = result("truth", shares[N_TRAIN:], dispersion)
    yield truth | {"below the truth (%)": 0.0}
    params = {"loss": "negative_binomial", "random_state": 0}
    for name, model in {
        "AutoencoderTransformer": AutoencoderTransformer(N_FACTORS, **params),
        "VariationalAutoencoder": VariationalAutoencoder(N_FACTORS, **params),
        "PCA of log counts": LogPCA(),
    }.items():
        start = process_time()
        model.fit(train)
        seconds = process_time() - start
        predicted = shares_of(model.reconstruct(seen).astype(np.float64))
        found = result(name, predicted, model.dispersion_, seconds)
        yield found | {
            "below the truth (%)": 100 * (found["nats per row"] / truth["nats per row"] - 1)
        }


def of_words(seed):
    """Yield a result of each model on texts: the perplexity of the hidden words."""
    rng = np.random.default_rng(seed)
    counts, shares = words(rng)
    train, (seen, hidden) = counts[:N_TRAIN].astype(np.float32), halves(counts[N_TRAIN:], rng)

    def result(model, shares, seconds=np.nan):
        logs = xlogy(hidden, np.maximum(shares, 1e-12)).sum(dtype=np.float64)
        nats = logs / hidden.sum(dtype=np.float64)
        return {"model": model, "nats per word": nats, "perplexity": np.exp(-nats)} | {
            "CPU seconds": seconds
        }

    truth = result("truth", shares[N_TRAIN:])
    yield truth | {"below the truth (%)": 0.0}
    params = {"loss": "multinomial", "random_state": 0}
    for name, model in {
        "AutoencoderTransformer": AutoencoderTransformer(N_FACTORS, **params),
        "VariationalAutoencoder": VariationalAutoencoder(N_FACTORS, **params),
        "LatentDirichletAllocation": Topics(N_FACTORS, max_iter=30, random_state=0),
    }.items():
        start = process_time()
        model.fit(train)
        seconds = process_time() - start
        found = result(name, shares_of(model.reconstruct(seen).astype(np.float64)), seconds)
        below = 100 * (found["nats per word"] / truth["nats per word"] - 1)
        yield found | {"below the truth (%)": below}


def run(data=None):
    """Yield a table for cells and one for words: means over the seeds, and the worst one."""
    for what, measure in {"cells": of_cells, "words": of_words}.items():
        results = pd.DataFrame([one for seed in SEEDS for one in measure(seed)])
        grouped = results.groupby("model", sort=False)
        table = grouped.mean()
        table["worst (%)"] = grouped["below the truth (%)"].max()
        yield table.rename_axis(what).reset_index()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for one in run():
        print(one.to_markdown(index=False, floatfmt=".3f"), end="\n\n", flush=True)
