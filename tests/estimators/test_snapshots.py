"""``encoder_`` and ``decoder_`` are what they were when they were taken."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer, NestedAutoencoder, SparseAutoencoder

DIGITS, LABELS = load_digits(return_X_y=True)
X, OTHER = DIGITS[:600], DIGITS[:600, ::-1] * 3 + 1
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}


def cold_fit(ae):
    return ae.fit(OTHER)


def warm_fit(ae):
    return ae.set_params(warm_start=True).fit(OTHER)


def stream(ae):
    return ae.partial_fit(OTHER)


def other_size(ae):
    return ae.set_params(n_components=3).fit(OTHER[:, :20])


@pytest.mark.parametrize("train", [cold_fit, warm_fit, stream, other_size])
@pytest.mark.parametrize("estimator", [AutoencoderTransformer, SparseAutoencoder])
def test_halves_stay_when_training_goes_on(estimator, train):
    ae = estimator(6, **SMALL).fit(X)
    encoder, decoder = ae.encoder_, ae.decoder_
    codes = ae.transform(X)
    rows = ae.inverse_transform(codes)
    train(ae)
    np.testing.assert_array_equal(encoder.transform(X), codes)
    np.testing.assert_array_equal(decoder.inverse_transform(codes), rows)
    assert encoder.n_features_in_ == X.shape[1]
    assert decoder.n_features_in_ == 6
    # The control: the autoencoder has changed, and its own halves with it.
    changed = ae.encoder_.transform(OTHER[:, : ae.n_features_in_])
    np.testing.assert_array_equal(changed, ae.transform(OTHER[:, : ae.n_features_in_]))
    assert changed.shape != codes.shape or np.abs(changed - encoder.transform(OTHER)).max() > 0.1


def test_a_pipeline_keeps_the_encoder_that_it_was_fitted_with():
    ae = NestedAutoencoder(8, **SMALL).fit(X)
    model = make_pipeline(ae.encoder_, LogisticRegression(max_iter=1000)).fit(X, LABELS[:600])
    before = model.predict(DIGITS)
    assert (before == LABELS).mean() > 0.7
    ae.fit(OTHER)
    np.testing.assert_array_equal(model.predict(DIGITS), before)


def test_halves_stay_when_the_next_fit_fails():
    ae = AutoencoderTransformer(6, **SMALL).fit(X)
    encoder, codes = ae.encoder_, ae.transform(X)
    with pytest.raises(ValueError, match="NaN"):
        ae.partial_fit(np.full_like(X, np.nan))
    with pytest.raises(ValueError, match="loss became"):
        ae.set_params(learning_rate_init=1e30, optimizer="sgd").partial_fit(X)
    np.testing.assert_array_equal(encoder.transform(X), codes)
    np.testing.assert_array_equal(ae.transform(X), codes)
