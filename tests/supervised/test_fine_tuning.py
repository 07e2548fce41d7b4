"""Encoders that were fitted without labels and go on learning with them."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
)


@cache
def digits():
    """Rows, half of them for the autoencoder alone, and their classes."""
    data = load_digits()
    return data.data, data.target


@cache
def pretrained():
    """An autoencoder that has seen 900 rows."""
    X, _ = digits()
    autoencoder = AutoencoderTransformer(16, hidden_layer_sizes=(64, 32), max_iter=20)
    return autoencoder.set_params(random_state=0).fit(X[:900])


def weights_of(autoencoder):
    """Return the weights of the encoder's deep layers, and of its linear path."""
    return {name: p.clone() for name, p in autoencoder.net_.module_.encoder.named_parameters()}


def changed(before, after):
    """Return the names of weights that differ."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_it_starts_at_the_fitted_one_and_leaves_that_alone():
    X, y = digits()
    fitted = pretrained()
    before, codes = weights_of(fitted), fitted.transform(X)
    model = AutoencoderClassifier(fitted, learning_rate_init=1e-12, max_iter=1, random_state=0)
    model.fit(X[900:1000], y[900:1000])
    # Steps of no length leave the codes but for their unit, which is that of the new rows.
    new = model.transform(X)
    for mine, given in zip(new.T, codes.T, strict=True):
        assert abs(np.corrcoef(mine, given)[0, 1]) > 0.9999
    assert not changed(before, weights_of(fitted))
    trained = AutoencoderClassifier(fitted, max_iter=2, random_state=0)
    trained.fit(X[900:1000], y[900:1000])
    assert changed(before, weights_of(trained.autoencoder_)) == set(before)
    assert not changed(before, weights_of(fitted))
    np.testing.assert_array_equal(fitted.transform(X), codes)


def test_what_was_learned_without_labels_helps():
    X, y = digits()
    few = slice(900, 960)
    untrained = clone(pretrained()).set_params(max_iter=1, learning_rate_init=1e-9, init="random")
    scores = [
        AutoencoderClassifier(start, random_state=0, consistency=0.0, freeze="encoder")
        .fit(X[few], y[few])
        .score(X[1000:], y[1000:])
        for start in (pretrained(), untrained.fit(X[:900]))
    ]
    assert scores[0] > scores[1] + 0.03


def test_a_frozen_encoder_does_not_change():
    X, y = digits()
    fitted = pretrained()
    model = AutoencoderClassifier(fitted, freeze="encoder", max_iter=3, random_state=0)
    model.fit(X[900:1000], y[900:1000])
    assert not changed(weights_of(fitted), weights_of(model.autoencoder_))
    assert all(p.requires_grad for p in model.autoencoder_.net_.module_.parameters())
    in_two_steps = make_pipeline(fitted.encoder_, LogisticRegression(max_iter=1000))
    in_two_steps.fit(X[900:1000], y[900:1000])
    assert model.score(X[1000:], y[1000:]) > in_two_steps.score(X[1000:], y[1000:]) - 0.05


@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        (1, {"deep.2.weight", "deep.2.bias", "deep.4.weight", "deep.4.bias"}),
        (2, {"deep.4.weight", "deep.4.bias"}),
        (3, set()),
    ],
)
def test_the_first_layers_are_frozen(freeze, trained):
    X, y = digits()
    fitted = pretrained()
    model = AutoencoderClassifier(fitted, freeze=freeze, max_iter=2, random_state=0)
    model.fit(X[900:1000], y[900:1000])
    assert changed(weights_of(fitted), weights_of(model.autoencoder_)) == trained


def test_frozen_layers_keep_their_statistics():
    X, y = digits()
    images = X.reshape(-1, 8, 8)
    fitted = ConvolutionalAutoencoder(
        4, channels=(4, 8), normalization="batch", max_iter=1, random_state=0
    ).fit(images[:200])
    before = [b.clone() for b in fitted.net_.module_.encoder.buffers()]
    model = AutoencoderClassifier(fitted, freeze=1, max_iter=1, random_state=0)
    model.fit(images[200:300], y[200:300])
    after = list(model.autoencoder_.net_.module_.encoder.buffers())
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    # Mean, variance and number of batches of the first layer, and of the second.
    assert same == [True, True, True, False, False, False]


def test_more_layers_than_there_are():
    X, y = digits()
    with pytest.raises(ValueError, match="freeze=4 is more than the 3 layers of the encoder"):
        AutoencoderClassifier(pretrained(), freeze=4).fit(X[:100], y[:100])


def test_too_many_frozen_layers_are_refused_before_a_fit():
    class NoTraining(Callback):
        def on_train_begin(self, net, *args, **kwargs):
            raise AssertionError("training has begun")

    X, y = load_iris(return_X_y=True)
    start = AutoencoderTransformer(2, hidden_layer_sizes=(8,), callbacks=[NoTraining()])
    with pytest.raises(AssertionError):
        AutoencoderClassifier(start, freeze=2).fit(X, y)
    with pytest.raises(ValueError, match="freeze=3 is more than the 2 layers"):
        AutoencoderClassifier(start, freeze=3).fit(X, y)


@pytest.mark.parametrize("freeze", [True, False])
def test_freeze_is_no_truth_value(freeze):
    X, y = digits()
    with pytest.raises(ValueError, match=f"freeze={freeze} is no number of layers"):
        AutoencoderClassifier(pretrained(), freeze=freeze).fit(X[:100], y[:100])


@pytest.mark.parametrize("inside", [AutoencoderTransformer(2), LogisticRegression()])
def test_only_a_fitted_autoencoder_can_be_frozen(inside):
    X, y = digits()
    model = AutoencoderClassifier(FrozenEstimator(inside))
    with pytest.raises(ValueError, match=f"FrozenEstimator around {type(inside).__name__}"):
        model.fit(X[:100], y[:100])


def test_a_fitted_autoencoder_of_other_columns():
    X, y = digits()
    with pytest.raises(ValueError, match="X has 60 features, but AutoencoderTransformer is expect"):
        AutoencoderClassifier(pretrained()).fit(X[:100, :60], y[:100])


def test_a_fitted_autoencoder_of_pairs():
    X, y = digits()
    pairs = DenoisingAutoencoder(4, hidden_layer_sizes=(), max_iter=1).fit(X[:100], X[:100] + 1)
    with pytest.raises(ValueError, match="autoencoder was fitted on pairs"):
        AutoencoderClassifier(pairs).fit(X[:100], y[:100])


def test_cross_validation_keeps_what_is_wrapped():
    X, y = digits()
    X, y = X[900:1100], y[900:1100]
    kept, forgotten = (
        cross_validate(
            AutoencoderClassifier(start, freeze="encoder", max_iter=1, random_state=0),
            X,
            y,
            cv=2,
            return_estimator=True,
        )["estimator"][0].autoencoder_
        for start in (FrozenEstimator(pretrained()), pretrained())
    )
    assert not changed(weights_of(pretrained()), weights_of(kept))
    assert changed(weights_of(pretrained()), weights_of(forgotten))


def test_a_head_with_hidden_layers_and_dropout():
    X, y = digits()
    model = AutoencoderClassifier(
        pretrained(), hidden_layer_sizes=(32,), dropout=0.2, activation="relu", random_state=0
    )
    model.fit(X[900:1100], y[900:1100])
    assert [weight.shape for weight in model._head.weights] == [(32, 16), (10, 32), (10, 16)]
    codes = model.transform(X[1100:1110]).astype(float)
    hidden, last, linear = model._head.weights
    biases = model._head.biases
    inner = np.maximum(codes @ hidden.T + biases[0], 0)
    expected = inner @ last.T + biases[1] + codes @ linear.T + biases[2]
    np.testing.assert_allclose(
        model.decision_function(X[1100:1110]), expected, rtol=1e-3, atol=1e-3
    )
    assert model.score(X[1100:], y[1100:]) > 0.85
