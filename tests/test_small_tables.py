"""Small tables: no size at which training takes far fewer steps than at the next one."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer, ConvolutionalAutoencoder, VariationalAutoencoder
from skae.estimators._training import resolve_batch_size
from skae.networks import SequenceNetwork

DIGITS = load_digits().images
HELD_OUT = DIGITS[500:900]


@pytest.mark.parametrize("is_dense", [True, False])
def test_one_row_more_takes_hardly_fewer_steps(is_dense):
    sizes = range(50, 20_000)
    steps = np.array([-(-n // resolve_batch_size("auto", n, is_dense)) for n in sizes])
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
    return ConvolutionalAutoencoder(8, channels=(4, 8), hidden_layer_sizes=(32,), **params)


def sequence(**params):
    network = SequenceNetwork(channels=(8, 8), hidden_layer_sizes=(32,))
    return AutoencoderTransformer(2, network=network, init="random", **params)


def gru(**params):
    network = SequenceNetwork(kind="gru", hidden_size=16)
    return AutoencoderTransformer(2, network=network, init="random", **params)


@pytest.mark.parametrize("make", [dense, variational, convolutional])
@pytest.mark.parametrize("n", [60, 200])
def test_random_starts_end_as_with_one_row_more(make, n):
    flat = make in (dense, variational)
    digits, test = (X.reshape(len(X), -1) if flat else X for X in (DIGITS, HELD_OUT))
    ends = [error(make(random_state=0), digits[: n + more], test) for more in (0, 1)]
    small_batches = error(make(random_state=0, batch_size=32), digits[:n], test)
    assert ends[0] < 1.2 * min(ends[1], small_batches)
    if n == 200:
        # The control: the whole table as one batch.
        assert error(make(random_state=0, batch_size=n), digits[:n], test) > 1.2 * ends[0]


@pytest.mark.parametrize("make", [gru, sequence])
def test_few_rows_are_enough_to_learn_from(make):
    X, X_test = sine_windows(60, 0), sine_windows(200, 1)
    ends = [error(make(random_state=0, batch_size=size), X, X_test) for size in ("auto", 60)]
    assert ends[0] < 0.7 * ends[1]
