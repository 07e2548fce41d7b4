"""Variational autoencoders under a classifier: each class has a prior of codes."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from supervised_cases import CLASSES, IS_LABELLED, SOME_NUMBERS, X, classifier, mixed_table

from skae import (
    AdversarialAutoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    VariationalAutoencoder,
)
from skae.objectives import ClassPrior
from skae.supervised import _joint_training
from skae.supervised._class_guesser import ClassGuesser
from skae.supervised._joint_training import FittedRows
from skae.supervised._labels import read_classes, read_numbers
from skae.supervised._number_guesser import NumberGuesser
from skae.supervised._rounds import train_in_rounds

TINY = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
ONCE = {"max_iter": 3, "n_propagations": 0, "random_state": 0}


def trained(params, X=X, y=CLASSES):
    """What the training of a classifier or a regressor leaves, with the net of both."""
    is_classifier = isinstance(params, AutoencoderClassifier)
    labels = read_classes(y, None, None)[1] if is_classifier else read_numbers(y, None)[1]
    rng = np.random.RandomState(0)
    guesser = (ClassGuesser if is_classifier else NumberGuesser)(rng)
    rows = FittedRows.of(params.autoencoder, X, None, params.freeze)
    return train_in_rounds(rows, labels, np.zeros(len(y), dtype=bool), params, guesser, rng)


@cache
def digits():
    """Rows of digits of which 50 have a label, their classes, and new rows with theirs."""
    data = load_digits()
    X, y = data.data, data.target
    return X[:600], np.where(np.arange(600) < 50, y[:600], -1), X[600:], y[600:]


@cache
def variational():
    X, _, _, _ = digits()
    return VariationalAutoencoder(24, hidden_layer_sizes=(64,), max_iter=20, random_state=0).fit(X)


def accuracy(monkeypatch, has_prior):
    X, some, new, truth = digits()
    with monkeypatch.context() as patch:
        if not has_prior:
            patch.setattr(_joint_training, "_class_prior", lambda *_: None)
        model = AutoencoderClassifier(
            variational(), consistency=0.0, n_propagations=0, random_state=0
        )
        return model.fit(X, some).score(new, truth)


def test_rows_without_a_label_help_by_the_evidence(monkeypatch):
    assert accuracy(monkeypatch, True) > accuracy(monkeypatch, False) + 0.015


@pytest.mark.parametrize(
    ("params", "has_prior"),
    [
        (AutoencoderClassifier(VariationalAutoencoder(2, **TINY), **ONCE), True),
        (AutoencoderClassifier(VariationalAutoencoder(2, **TINY), loss="brier", **ONCE), True),
        (AutoencoderClassifier(VariationalAutoencoder(2, **TINY), freeze="encoder", **ONCE), False),
        (
            AutoencoderClassifier(VariationalAutoencoder(2, **TINY), supervised_weight=1, **ONCE),
            False,
        ),
        (AutoencoderClassifier(AutoencoderTransformer(2, **TINY), **ONCE), False),
        (AutoencoderClassifier(AdversarialAutoencoder(2, **TINY), **ONCE), False),
        (AutoencoderRegressor(VariationalAutoencoder(2, **TINY), **ONCE), False),
    ],
)
def test_classifiers_whose_bound_is_trained_have_one(params, has_prior):
    y = CLASSES if isinstance(params, AutoencoderClassifier) else SOME_NUMBERS
    net = trained(params, y=y).net
    assert ("train_class_kl" in net.history[-1]) == has_prior
    assert any(isinstance(one, ClassPrior) for one in net.criterion_.modules()) == has_prior


def test_means_start_at_codes_and_are_learned():
    inner = VariationalAutoencoder(2, **TINY).fit(X)

    def means(rate, y=CLASSES):
        model = AutoencoderClassifier(inner, learning_rate_init=rate, **ONCE)
        return trained(model, y=y).net.criterion_.class_prior.means.detach().numpy()

    start, module = means(1e-12), inner.net_.module_
    rows = torch.as_tensor((X - inner.mean_) / inner.scale_).to(next(module.parameters()).dtype)
    with torch.no_grad():
        codes = module.latent(module.encoder(rows)).numpy()
    for place, mean in enumerate(start):
        known = codes[place == CLASSES]
        np.testing.assert_allclose(mean, known.sum(axis=0) / (len(known) + 1), rtol=1e-4)
    assert (np.abs(means(1e-2) - start).max(axis=1) > 1e-3).all()
    # Also where all rows have a label.
    moved = means(1e-2, np.abs(CLASSES)) - means(1e-12, np.abs(CLASSES))
    assert (np.abs(moved).max(axis=1) > 1e-3).all()


def test_shares_are_those_of_labels_with_one_more_of_each_class():
    model = AutoencoderClassifier(VariationalAutoencoder(2, **TINY), **ONCE)
    shares = trained(model).net.criterion_.class_prior.shares.numpy()
    counts = np.bincount(CLASSES[IS_LABELLED]) + 1
    np.testing.assert_allclose(shares, counts / counts.sum(), rtol=1e-6)


def test_the_autoencoder_has_the_standard_normal_prior_afterwards():
    X, some, new, _ = digits()
    model = AutoencoderClassifier(variational(), max_iter=5, n_propagations=1, random_state=0)
    inner = model.fit(X, some).autoencoder_
    assert inner.net_.criterion_.code_term.prior is None
    module = inner.net_.module_
    rows = torch.as_tensor((X - inner.mean_) / inner.scale_).to(next(module.parameters()).dtype)
    with torch.no_grad():
        spread = module.latent.spread(module.encoder(rows)) / module.code_scale**2
    codes = model.transform(X)
    # Means and variances together have the moments of the prior.
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(codes.var(axis=0) + spread.mean(dim=0).numpy(), 1, atol=1e-3)
    assert inner.score(new) > inner.elbo(new).mean()
    assert inner.score(new) > inner.score(np.random.default_rng(0).permuted(new, axis=1))
    assert inner.sample(3, random_state=0).shape == (3, 64)


def test_tables_of_several_types_with_gaps():
    table, inner = mixed_table(), VariationalAutoencoder(2, **TINY)
    y = np.where(IS_LABELLED, table["age"] > 40, -1).astype(int)
    found = trained(AutoencoderClassifier(inner, max_iter=20, n_propagations=0), table, y).net
    assert np.isfinite(found.history[:, "train_class_kl"]).all()
    # Nats per column of the table, not of the inputs that categories and gaps make.
    assert found.criterion_.own.code_term.n_features == table.shape[1]
    model = classifier(inner, max_iter=40).fit(table, y)
    assert model.score(table, table["age"] > 40) > 0.8


@pytest.mark.parametrize("kind", [VariationalAutoencoder, AdversarialAutoencoder])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_classes_beside_the_codes_are_refused(kind, is_fitted):
    inner = kind(2, conditional=True, **TINY)
    if is_fitted:
        inner.fit(X, CLASSES)
    for model, y in (
        (AutoencoderClassifier(inner, **ONCE), CLASSES),
        (AutoencoderRegressor(inner, **ONCE), SOME_NUMBERS),
    ):
        with pytest.raises(ValueError, match=r"autoencoder has conditional=True: .*Use an auto"):
            model.fit(X, y)
        assert not hasattr(model, "autoencoder_")
