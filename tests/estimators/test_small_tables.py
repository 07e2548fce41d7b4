"""Small tables: no size at which training takes far fewer steps than at the next one."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer, ConvolutionalAutoencoder, VariationalAutoencoder
from skae.estimators.base._training import resolve_batch_size
from skae.networks import SequenceNetwork

DIGITS = load_digits().images
HELD_OUT = DIGITS[500:900]


def test_one_row_more_takes_hardly_fewer_steps():
    sizes = range(50, 20_000)
    steps = np.array([-(-n // resolve_batch_size("auto", n)) for n in sizes])
    # Where the batch doubles the steps are halved, to 45 or more.
    falls = steps[1:] < steps[:-1] - 1
    assert (steps[1:][falls] >= 45).all()
    assert steps[200 - 50] >= 7


def sine_windows(n, seed):
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(0.2, 0.6, (n, 1))
    return np.sin(phase + rate * np.arange(16))[:, :, None]


def error(ae, X, X_test):
    rows = ae.fit(X).reconstruct(X_test)
    return ((rows - X_test) ** 2).sum() / ((X_test - X_test.mean(axis=0)) ** 2).sum()


def dense(**params):
    return AutoencoderTransformer(4, init="random", hidden_layer_sizes=(32,), **params)


def variational(**params):
    return VariationalAutoencoder(4, init="random", hidden_layer_sizes=(32,), **params)


def convolutional(**params):
    sizes = {"channels": (4, 8), "hidden_layer_sizes": (32,)}
    return ConvolutionalAutoencoder(8, max_iter=40, **sizes, **params)


def sequence(**params):
    network = SequenceNetwork(channels=(8, 8), hidden_layer_sizes=(32,))
    return AutoencoderTransformer(2, network=network, init="random", max_iter=20, **params)


def gru(**params):
    network = SequenceNetwork(kind="gru", hidden_size=16)
    return AutoencoderTransformer(2, network=network, init="random", max_iter=30, **params)


@pytest.mark.parametrize(
    ("make", "n"),
    [(dense, 60), (dense, 200), (variational, 200), (convolutional, 200)],
)
def test_random_starts_end_as_with_one_row_more(make, n):
    assert resolve_batch_size("auto", n) == 32
    flat = make in (dense, variational)
    digits, test = (X.reshape(len(X), -1) if flat else X for X in (DIGITS, HELD_OUT))
    ends = [error(make(random_state=0), digits[: n + more], test) for more in (0, 1)]
    assert ends[0] < 1.2 * ends[1]
    if n == 200:
        # The control: the whole table as one batch.
        assert error(make(random_state=0, batch_size=n), digits[:n], test) > 1.2 * ends[0]


@pytest.mark.parametrize("make", [gru, sequence])
def test_windows_are_learned_from_200_rows(make):
    X, X_test = sine_windows(200, 0), sine_windows(200, 1)
    ends = [error(make(random_state=0, batch_size=size), X, X_test) for size in ("auto", 200)]
    assert ends[0] < 0.7 * ends[1]


@pytest.mark.parametrize("n", [45, 48])
def test_weights_equal_repeated_rows_where_it_is_promised(n):
    X, repeats = DIGITS[:16].reshape(16, -1), np.arange(16) % 4 + 1
    repeats[:2] += (n - repeats.sum()) // 2 + np.array([(n - repeats.sum()) % 2, 0])
    assert repeats.sum() == n
    ae = AutoencoderTransformer(3, hidden_layer_sizes=(8,), max_iter=20, random_state=0)
    weighted = ae.fit(X, sample_weight=repeats).transform(X)
    repeated = ae.fit(np.repeat(X, repeats, axis=0)).transform(X)
    np.testing.assert_allclose(np.abs(weighted), np.abs(repeated), atol=1e-6)
    assert np.abs(ae.fit(X).transform(X) - weighted).max() > 0.01
