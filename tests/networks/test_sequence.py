"""The network for windows of signals: what its layers compute, and that it beats a dense one."""

import pickle

import numpy as np
import pytest
import torch
from fused_cases import pairwise
from network_cases import halves, normal, seeded
from numpy.testing import assert_allclose, assert_array_equal

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.networks import SequenceNetwork

KINDS = ("convolutional", "gru")


def signals(n, seed, n_steps=48, n_channels=3):
    """Windows of one oscillation that all channels share, with delays, and noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_steps)[:, None] / n_steps
    drawn = rng.uniform([1, 0, 0.5], [8, 2 * np.pi, 1.5], (n, 3))
    frequency, phase, size = drawn.T[..., None, None]
    delay, weight = np.linspace(0, 2, n_channels), np.linspace(1, 0.5, n_channels)
    X = size * weight * np.sin(2 * np.pi * frequency * t + phase - delay)
    return (X + 0.1 * rng.normal(size=X.shape)).astype(np.float32)


def network(kind, **fields):
    return SequenceNetwork(
        kind=kind, channels=(4, 6), hidden_layer_sizes=(12,), hidden_size=10, **fields
    )


def small(kind, **params):
    params = {"max_iter": 3, "random_state": 0} | params
    return AutoencoderTransformer(4, network=network(kind), **params)


def n_parameters(ae):
    return sum(p.numel() for p in ae.net_.module_.parameters())


def halves_of(kind, shape):
    encoder, decoder = halves(network(kind, window_shape=shape), shape[0] * shape[1], 3)
    return encoder.double(), decoder.double()


# -- what it computes ----------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_states(gru, inputs, state):
    """The states of gated recurrent units by the formulas of Cho et al., as torch orders them."""
    weights = [w.detach().numpy() for w in gru.parameters()]
    w_input, w_state, b_input, b_state = weights
    states = []
    for x in inputs:
        r_x, z_x, n_x = np.split(w_input @ x + b_input, 3)
        r_h, z_h, n_h = np.split(w_state @ state + b_state, 3)
        reset, update = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        state = (1 - update) * np.tanh(n_x + reset * n_h) + update * state
        states.append(state)
    return np.array(states)


def test_recurrent_halves_by_their_formulas():
    encoder, decoder = halves_of("gru", (7, 2))
    window = np.random.default_rng(0).normal(size=(7, 2))

    def linear(layer, x):
        return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()

    code = linear(encoder.output, gru_states(encoder.gru, window, np.zeros(10))[-1])
    assert_allclose(encoder(torch.from_numpy(window.reshape(1, -1))).detach()[0], code, atol=1e-12)
    start = linear(decoder.start, code)
    states = gru_states(decoder.gru, [start] * 7, np.tanh(start))
    # The last step is decoded first.
    decoded = linear(decoder.output, states)[::-1]
    result = decoder(torch.from_numpy(code[None])).detach()
    assert_allclose(result.reshape(7, 2), decoded, atol=1e-12)


def test_convolutions_run_over_time_only():
    encoder, _ = halves_of("convolutional", (20, 3))
    first = encoder[1]
    assert first.weight.shape == (4, 3, 1, 9)
    x = normal(2, 20, 3)
    result = first(encoder[0](x.flatten(1))).detach()
    padded = np.pad(x.numpy(), ((0, 0), (4, 4), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 9, axis=1)[:, ::2]
    expected = np.einsum("ntcs,kcs->nkt", windows, first.weight.detach()[:, :, 0].numpy())
    assert_allclose(result[:, :, 0] - first.bias.detach()[:, None], expected, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_come_from_the_generator(kind):
    one, other = halves_of(kind, (12, 2))[0], halves_of(kind, (12, 2))[0]
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name])
    different = network(kind, window_shape=(12, 2)).build_encoder(24, 3, seeded(1))
    first, second = (next(half.parameters()) for half in (one, different))
    assert not torch.equal(first, second.double())
    # Every weight was drawn, and none is left over from memory.
    largest = max(p.abs().max() for p in one.parameters())
    assert 0.05 < largest < 1


@pytest.mark.parametrize(
    ("kind", "shape", "dtype"),
    pairwise(KINDS, [(48, 3), (13, 1), (5, 4)], [np.float32, np.float64]),
)
def test_a_row_alone_has_the_bits_that_it_has_in_a_batch(kind, shape, dtype):
    X = signals(150, 0, *shape).astype(dtype)
    # In one batch, float64 is trained in double precision.
    ae = small(kind, max_iter=1, init="random", batch_size=150).fit(X)
    weights = next(ae.net_.module_.parameters())
    assert weights.dtype == (torch.float64 if dtype == np.float64 else torch.float32)
    order = np.random.default_rng(1).permutation(150)
    for method in (ae.transform, ae.reconstruct, ae.score_samples):
        batch = method(X)
        assert_array_equal(method(X[order]), batch[order])
        alone = np.concatenate([method(X[i : i + 1]) for i in range(0, 150, 7)])
        assert_array_equal(alone, batch[::7])


@pytest.mark.parametrize(("kind", "init"), [*zip(KINDS, ["random", "pca"], strict=True)])
def test_the_same_seed_gives_the_same_bits_and_a_pickle_too(kind, init):
    X = signals(60, 0, 12)
    params = {"init": init, "learning_rate_init": 0.02, "batch_size": 20, "max_iter": 4}
    fits = [small(kind, **params).fit(X) for _ in range(2)]
    assert_array_equal(fits[0].transform(X), fits[1].transform(X))
    loaded = pickle.loads(pickle.dumps(fits[0]))
    assert_array_equal(loaded.partial_fit(X).transform(X), fits[1].partial_fit(X).transform(X))
    # A start at PCA may be where two seeds meet.
    other = small(kind, **params | {"init": "random"}, random_state=1).fit(X)
    assert not np.array_equal(other.transform(X), fits[0].transform(X))


# -- what it is for ---------------------------------------------------------------------------


def test_it_beats_the_dense_network_with_no_more_parameters():
    X, T = signals(600, 0), signals(300, 1)
    params = {"n_components": 4, "max_iter": 25, "learning_rate_init": 5e-3, "random_state": 0}
    # Narrower than the default, whose windows are larger than these.
    network = SequenceNetwork(hidden_layer_sizes=(128,))
    ae = AutoencoderTransformer(network=network, init="random", **params).fit(X)
    X, T = (windows.reshape(len(windows), -1) for windows in (X, T))
    for init in ("pca", "random"):
        dense = AutoencoderTransformer(init=init, **params).fit(X)
        assert n_parameters(ae) <= n_parameters(dense)
        # Noise of variance 0.01 is in all of it, and nobody can code that.
        assert -ae.score(T) - 0.01 < 0.6 * (-dense.score(T) - 0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_beyond_a_start_at_pca(kind):
    X, T = signals(300, 0, 16), signals(200, 1, 16)
    ae = small(kind, learning_rate_init=0.02, max_iter=20).fit(X)
    rest = small(kind, learning_rate_init=1e-12, max_iter=1).fit(X)
    assert ae.score(T) > 0.97 * rest.score(T)


def test_a_denoiser_of_signals_is_one_line():
    X, T = signals(300, 0, 32), signals(200, 1, 32)
    noisy = T + np.random.default_rng(0).normal(scale=1, size=T.shape).astype(np.float32)
    params = {"network": SequenceNetwork(channels=(8, 16)), "max_iter": 10, "random_state": 0}
    plain = AutoencoderTransformer(32, **params)
    denoiser = DenoisingAutoencoder(32, noise="gaussian", noise_level=1, **params)
    errors = [np.square(ae.fit(X).reconstruct(noisy) - T).mean() for ae in (denoiser, plain)]
    assert errors[0] < 0.79 * errors[1]


def test_bfloat16_trains_as_well():
    X = signals(100, 0, 24)
    losses = [
        small("gru", init="random", precision=precision).fit(X).loss_
        for precision in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1]
    assert_allclose(*losses, rtol=0.02)


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"kind": "lstm"}, "kind must be 'convolutional' or 'gru', got 'lstm'"),
        ({"hidden_size": 0}, "hidden_size must be an integer of at least 1, got 0"),
        ({"hidden_size": 2.5}, "hidden_size must be .*got 2.5"),
        ({"kernel_size": 4}, "kernel_size must be an odd integer"),
        ({"channels": ()}, "channels=.*leaves no convolutions"),
        ({"window_shape": (48, 2)}, r"window_shape=\(48, 2\) makes 96 columns.*of 144 columns"),
        ({"window_shape": "48"}, "window_shape must be"),
    ],
)
def test_a_description_refuses_what_it_cannot_build(fields, match):
    X = signals(60, 0)
    ae = small("convolutional", max_iter=1).fit(X)
    before = ae.transform(X)
    ae.network.set_params(**fields)
    with pytest.raises(ValueError, match=match):
        ae.fit(X)
    assert_array_equal(ae.transform(X), before)
