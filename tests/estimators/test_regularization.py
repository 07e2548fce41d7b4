"""Penalties, dropout and normalisation: each changes the fit in the way that it promises."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from torch import nn

from skae import AutoencoderTransformer

X = load_digits().data[:200] / 16
PLAIN = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 40,
    "early_stopping": False,
    "batch_size": 100,
    "random_state": 0,
}


def fitted(**params):
    return AutoencoderTransformer(**(PLAIN | params)).fit(X)


def weights(ae):
    """All weights that a penalty falls on, in one vector."""
    matrices = [p.detach().numpy().ravel() for p in ae.net_.module_.parameters() if p.ndim > 1]
    return np.concatenate(matrices)


def error(ae):
    return ((X - ae.reconstruct(X)) ** 2).mean()


# -- weight penalties -----------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_l2_shrinks_the_weights(optimizer):
    rate = 0.1 if optimizer == "sgd" else 3e-3
    norms = [
        np.linalg.norm(weights(fitted(alpha=a, optimizer=optimizer, learning_rate_init=rate)))
        for a in (0, 1e-3, 1e-2)
    ]
    assert norms[0] > 1.02 * norms[1] > 1.02**2 * norms[2]


def test_l2_reaches_the_minimum_of_its_objective():
    # A linear autoencoder with an L2 penalty has a closed minimum (Kunin et al., 2019). Along a
    # principal direction of variance v that keeps the share s, the objective is
    # v (1 - s)^2 / n_features + alpha s, the two layers sharing s equally between them.
    k, alpha, n_features = 3, 0.1, X.shape[1]
    ae = fitted(hidden_layer_sizes=(), alpha=alpha, max_iter=600, batch_size=200)
    scaled = (X - X.mean(axis=0)) / ae.scale_
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(X))
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    kept = 1 - n_features * alpha / 2 / values
    assert 0.1 < kept.min() < kept.max() < 0.8
    expected = scaled @ vectors * kept @ vectors.T * ae.scale_ + X.mean(axis=0)
    assert_allclose(ae.reconstruct(X), expected, atol=0.01)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_l1_makes_weights_exactly_zero(init, optimizer):
    # SGD takes a smaller step for a small gradient, and zeros come later.
    rate, alphas = (0.1, (0, 1e-3, 1e-2)) if optimizer == "sgd" else (1e-2, (0, 1e-4, 1e-3))
    params = {
        "optimizer": optimizer,
        "learning_rate_init": rate,
        "init": init,
        "l1_ratio": 1.0,
        "max_iter": 25,
    }
    shares = [(weights(fitted(alpha=a, **params)) == 0).mean() for a in alphas]
    # Pixels that are always empty have no gradient, and need no L1 to stay where they started.
    assert shares[0] < 0.2
    assert shares[0] + 0.05 < shares[1] < shares[2] - 0.05


def test_an_elastic_penalty_lies_between_its_ends():
    def zeros_and_norm(l1_ratio):
        w = weights(fitted(alpha=1e-3, l1_ratio=l1_ratio))
        return (w == 0).mean(), np.linalg.norm(w)

    ridge, elastic, lasso = (zeros_and_norm(ratio) for ratio in (0.0, 0.5, 1.0))
    assert ridge[0] == 0 < elastic[0] < lasso[0]
    assert len({round(norm, 6) for _, norm in (ridge, elastic, lasso)}) == 3


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0, 0.3])
def test_the_loss_holds_the_penalty_in_parts(l1_ratio):
    ae = fitted(alpha=1e-2, l1_ratio=l1_ratio, max_iter=3)
    w, unit = weights(ae), ae.scale_**2
    l1, l2 = 1e-2 * l1_ratio * abs(w).sum(), 1e-2 * (1 - l1_ratio) / 2 * (w**2).sum()
    assert_allclose(ae.loss_, error(ae) + unit * (l1 + l2), rtol=1e-4)
    epoch = ae.net_.history[-1]
    parts = {"train_reconstruction", *(["train_l1"] if l1 else []), *(["train_l2"] if l2 else [])}
    known = {"train_reconstruction", "train_l1", "train_l2"}
    assert known & set(epoch) == parts
    assert_allclose(sum(epoch[part] for part in parts), epoch["train_loss"], rtol=1e-6)


def test_the_share_means_nothing_without_a_strength():
    assert_array_equal(weights(fitted(alpha=0.0, l1_ratio=1.0)), weights(fitted()))


# -- dropout --------------------------------------------------------------------------------


def test_dropout_is_active_in_training_only():
    # At a rate of nothing, the loss during training differs from that afterwards by the
    # units that were dropped.
    still = {"learning_rate_init": 1e-12, "max_iter": 1, "warm_start": True}
    ratios = {0.0: [], 0.5: []}
    for dropout, found in ratios.items():
        for seed in range(5):
            ae = fitted(dropout=dropout, random_state=seed)
            before = ae.transform(X)
            ae.set_params(**still).fit(X)
            found.append(ae.loss_curve_[-1] / ae.loss_)
            assert_allclose(ae.transform(X), before, atol=1e-4)
            assert_array_equal(ae.transform(X), ae.transform(X))
    assert ratios[0.0] == pytest.approx([1] * 5, rel=1e-5)
    # Which units one pass drops is chance: the mean over five, and none without a loss.
    assert np.mean(ratios[0.5]) > 1.1
    assert min(ratios[0.5]) > 1.05


def test_dropout_changes_the_fit_and_still_trains():
    without, dropped = fitted(), fitted(dropout=0.3)
    assert error(dropped) < 0.8 * X.var(axis=0).mean()
    assert error(dropped) > 1.05 * error(without)
    # The same units are dropped for the same seed.
    assert_array_equal(fitted(dropout=0.3).transform(X), dropped.transform(X))


# -- normalisation --------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalisation_trains_and_infers(normalization, init):
    ae = fitted(normalization=normalization, init=init)
    kind = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[normalization]
    layers = [m for m in ae.net_.module_.modules() if isinstance(m, kind)]
    assert len(layers) == 2
    assert all(abs(layer.weight - 1).max() > 1e-3 for layer in layers)
    assert ae.loss_curve_[-1] < ae.loss_curve_[0]
    assert error(ae) < 0.6 * X.var(axis=0).mean()
    # What is inferred is what was trained, a row at a time as well.
    assert_allclose(error(ae), ae.loss_, rtol=1e-4)
    assert_array_equal(np.vstack([ae.transform(row[None]) for row in X[:5]]), ae.transform(X)[:5])


def test_batch_normalisation_infers_with_the_moments_of_training():
    ae = fitted(normalization="batch")
    linear, normalize = list(ae.net_.module_.encoder)[:2]
    scaled = (X - X.mean(axis=0)) / ae.scale_
    values = scaled @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    # Averages over the last batches, so near the moments of all rows, unlike their start 0, 1.
    assert_allclose(normalize.running_mean, values.mean(axis=0), atol=0.15 * values.std())
    assert_allclose(normalize.running_var, values.var(axis=0), rtol=0.2)
    assert abs(normalize.running_var - 1).max() > 0.1
    # Inference leaves them alone.
    before = normalize.running_mean.clone()
    ae.transform(10 * X)
    assert_array_equal(normalize.running_mean, before)


@pytest.mark.parametrize(("n_rows", "batch_size"), [(129, 128), (11, 5)])
def test_no_batch_is_left_with_a_single_row(n_rows, batch_size):
    # Cut off at the batch size these would leave one row, of which batch normalisation can
    # make nothing.
    params = PLAIN | {"normalization": "batch", "max_iter": 2, "batch_size": batch_size}
    ae = AutoencoderTransformer(**params).fit(X[:n_rows])
    assert np.isfinite(ae.transform(X)).all()
