"""The convolutional autoencoder: its geometry, and that it beats a dense one on images."""

import inspect
import pickle
from itertools import cycle
from math import prod

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from schedule_cases import OF_VARIANTS
from scipy.signal import correlate2d
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderTransformer, ConvolutionalAutoencoder, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork
from skae.networks._convolution_layers import FromRows, ToRows, make_convolution, make_transposed

DIGITS = np.random.default_rng(0).permutation(load_digits().images).astype(np.float32)
SMALL = {"channels": (4, 8), "hidden_layer_sizes": (12,), "max_iter": 3, "random_state": 0}
SHAPES = [(28, 28), (13, 9), (13, 9, 3), (8, 8), (5, 2), (1, 7), (2, 1, 2), (1, 1)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=seeded(seed))


def n_parameters(ae):
    return sum(p.numel() for p in ae.net_.module_.parameters())


# -- layers and geometry ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_the_decoder_gives_the_size_back(shape, kernel_size):
    network = ConvolutionalNetwork(shape, (3, 4, 2), (6,), kernel_size)
    n = prod(shape)
    encoder = network.build_encoder(n, 5, seeded())
    decoder = network.build_decoder(5, n, seeded())
    codes = encoder(normal(4, n, dtype=torch.float32))
    assert codes.shape == (4, 5)
    assert decoder(codes).shape == (4, n)
    # The channels mirror each other, and nothing follows the last layer that could bend it.
    widths = [[p.shape[0] for p in half.parameters() if p.ndim > 1] for half in (encoder, decoder)]
    assert widths[0][:4] == [3, 4, 2, 6]
    assert widths[1][-3:] == [2, 4, 3]


def test_rows_hold_images_with_their_channels_last():
    images = normal(4, 5, 6, 3)
    seen = FromRows((5, 6, 3))(images.flatten(1))
    assert torch.equal(seen, images.permute(0, 3, 1, 2))
    assert torch.equal(ToRows()(seen), images.flatten(1))


@pytest.mark.parametrize("sizes", [(6, 7), (1, 9), (4, 4)])
@pytest.mark.parametrize("kernel", [(5, 3), (3, 3), (1, 5)])
def test_a_convolution_is_a_correlation_at_every_second_pixel(sizes, kernel):
    layer = make_convolution(2, 3, kernel, seeded()).double().eval()
    x = normal(4, 2, *sizes)
    weight = layer.weight.detach().numpy()
    steps = tuple(min(2, length) for length in kernel)
    for result in (layer(x), layer.train()(x)):
        for i, j in np.ndindex(4, 3):
            full = sum(correlate2d(x[i, c].numpy(), weight[j, c], mode="same") for c in range(2))
            expected = full[:: steps[0], :: steps[1]] + layer.bias[j].item()
            assert_allclose(result[i, j].detach(), expected, atol=1e-12)


@pytest.mark.parametrize("sizes", [(6, 7), (1, 9), (4, 4)])
@pytest.mark.parametrize("kernel", [(5, 3), (3, 3), (1, 5)])
def test_a_transposed_convolution_is_the_transpose(sizes, kernel):
    there = make_convolution(2, 3, kernel, seeded()).double()
    back = make_transposed(3, 2, kernel, sizes, seeded()).double().eval()
    back.load_state_dict({"weight": there.weight, "bias": torch.zeros(2)})
    x = normal(4, 2, *sizes)
    there.bias.data.zero_()
    y = there(x).detach()
    z = normal(*y.shape, seed=1)
    for result in (back(z), back.train()(z)):
        assert result.shape == x.shape
        assert_allclose((result * x).sum().item(), (y * z).sum().item(), rtol=1e-10)
    back.bias.data = normal(2)
    assert_allclose(back.eval()(z).detach(), back.train()(z).detach(), atol=1e-12)


def test_initial_weights_come_from_the_generator_and_keep_the_variance():
    layers = [make_convolution(16, 32, (5, 5), seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(layers[0].weight, layers[1].weight)
    assert not torch.equal(layers[0].weight, layers[2].weight)
    # Both directions shrink unit variance as a linear layer does, to a third.
    back = make_transposed(32, 16, (5, 5), (40, 40), seeded())
    with torch.no_grad():
        for layer, n_in in ((layers[0], 16), (back, 32)):
            layer.bias.zero_()
            result = layer(normal(20, n_in, 20, 20, dtype=torch.float32))
            assert_allclose(result[:, :, 3:-3, 3:-3].var(), 1 / 3, rtol=0.1)


# Both types for images with and without channels, and with one row of pixels.
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        *zip(SHAPES, cycle([np.float32, np.float64]), strict=False),
        ((13, 9, 3), np.float64),
        ((13, 9), np.float32),
        ((1, 7), np.float32),
    ],
)
def test_a_row_alone_has_the_bits_that_it_has_in_a_batch(shape, dtype):
    # In one batch, float64 is trained in double precision, which convolves otherwise.
    X = np.random.default_rng(0).normal(size=(100, *shape)).astype(dtype)
    ae = ConvolutionalAutoencoder(3, **SMALL | {"max_iter": 1, "batch_size": 100}).fit(X)
    weights = next(ae.net_.module_.parameters())
    assert weights.dtype == (torch.float64 if dtype == np.float64 else torch.float32)
    order = np.random.default_rng(1).permutation(100)
    for method in (ae.transform, ae.reconstruct, ae.score_samples):
        batch = method(X)
        assert_array_equal(method(X[order]), batch[order])
        alone = np.concatenate([method(X[i : i + 1]) for i in range(0, 100, 9)])
        assert_array_equal(alone, batch[::9])


# -- what it is for ---------------------------------------------------------------------------


def blobs(n, seed, size=14):
    """Images of two bright spots anywhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    cy, cx = rng.uniform(1, size - 2, (2, n, 2, 1, 1))
    return np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 3).sum(axis=1).astype(np.float32)


def test_it_beats_the_dense_network_with_no_more_parameters():
    X, T = blobs(600, 0), blobs(400, 1)
    params = {"n_components": 8, "max_iter": 20, "learning_rate_init": 0.01, "random_state": 0}
    conv = ConvolutionalAutoencoder(channels=(8, 16), hidden_layer_sizes=(64,), **params).fit(X)
    X, T = (images.reshape(len(images), -1) for images in (X, T))
    for init in ("pca", "random"):
        dense = AutoencoderTransformer(init=init, hidden_layer_sizes=(128, 64), **params).fit(X)
        assert n_parameters(conv) <= n_parameters(dense)
        assert conv.score(T) > 0.7 * dense.score(T)
    # Nor does a linear map of as many components learn as much.
    pca = PCA(8).fit(X)
    assert -conv.score(T) < 0.5 * np.square(pca.inverse_transform(pca.transform(T)) - T).mean()


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_start_at_pca_is_never_left_for_worse(normalization):
    X = DIGITS[:300]
    params = SMALL | {"init": "pca", "normalization": normalization, "max_iter": 15}
    params["hidden_layer_sizes"] = (64,)
    ae = ConvolutionalAutoencoder(6, **params).fit(X)
    pca = PCA(6).fit(X.reshape(300, -1))
    start = np.square(pca.inverse_transform(pca.transform(X.reshape(300, -1))).reshape(X.shape) - X)
    assert -ae.score(X) < 0.99 * start.mean()
    # Without a step worth the name it stays there.
    rest = ConvolutionalAutoencoder(6, **params | {"learning_rate_init": 1e-12, "max_iter": 1}).fit(
        X
    )
    assert_allclose(-rest.score(X), start.mean(), rtol=1e-4)


@pytest.mark.parametrize("params", [{}, {"normalization": "batch"}, {"init": "pca"}], ids=str)
def test_the_same_seed_gives_the_same_bits_and_a_pickle_too(params):
    # From fewer rows training would go back to its start at PCA.
    X = DIGITS[: 300 if "init" in params else 100]
    fits = [ConvolutionalAutoencoder(4, **SMALL | params).fit(X) for _ in range(2)]
    assert_array_equal(fits[0].transform(X), fits[1].transform(X))
    loaded = pickle.loads(pickle.dumps(fits[0]))
    assert_array_equal(loaded.transform(X), fits[1].transform(X))
    assert_array_equal(loaded.partial_fit(X).transform(X), fits[1].partial_fit(X).transform(X))
    other = ConvolutionalAutoencoder(4, **SMALL | params | {"random_state": 1}).fit(X)
    assert not np.array_equal(other.transform(X), fits[0].transform(X))


def test_it_is_the_plain_estimator_with_its_network():
    network = ConvolutionalNetwork(None, (4, 8), (12,))
    params = OF_VARIANTS | {"init": "random", "max_iter": 3, "random_state": 0}
    plain = AutoencoderTransformer(4, network=network, **params)
    ae = ConvolutionalAutoencoder(4, **SMALL)
    X = DIGITS[:100]
    assert_array_equal(ae.fit_transform(X), plain.fit_transform(X))
    assert {"network", "dropout"}.isdisjoint(ae.get_params())
    assert (
        set(inspect.signature(type(ae)).parameters) == set(ae.get_params()) == set(vars(clone(ae)))
    )


def test_a_denoiser_of_images_is_one_line():
    X, T = DIGITS[:600], DIGITS[1300:]
    noisy = T + np.random.default_rng(0).normal(scale=4, size=T.shape).astype(np.float32)
    network = ConvolutionalNetwork(channels=(4, 8), hidden_layer_sizes=(64,))
    params = {"max_iter": 10, "random_state": 0}
    denoiser = DenoisingAutoencoder(24, noise="gaussian", noise_level=4, network=network, **params)
    plain = AutoencoderTransformer(24, network=network, **params)
    errors = [np.square(ae.fit(X).reconstruct(noisy) - T).mean() for ae in (denoiser, plain)]
    assert errors[0] < 0.79 * errors[1]


@pytest.mark.parametrize("loss", ["log_loss", "poisson", "absolute_error"])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_other_losses(loss, init):
    X = DIGITS[:150] / 16
    ae = ConvolutionalAutoencoder(4, loss=loss, init=init, **SMALL | {"max_iter": 4}).fit(X)
    assert ae.loss_curve_[-1] < ae.loss_curve_[0]
    if loss != "absolute_error":
        assert ae.reconstruct(X).min() >= 0


def test_a_penalty_falls_on_the_kernels():
    X = DIGITS[:150]
    fits = [
        ConvolutionalAutoencoder(4, alpha=alpha, l1_ratio=1.0, **SMALL | {"max_iter": 10}).fit(X)
        for alpha in (0.0, 1e-3)
    ]
    zeros = [
        np.mean([(p == 0).float().mean() for p in ae.net_.module_.parameters() if p.ndim == 4])
        for ae in fits
    ]
    assert zeros[0] == 0
    assert zeros[1] > 0.2


def test_bfloat16_trains_as_well():
    X = DIGITS[:300]
    losses = [
        ConvolutionalAutoencoder(4, precision=precision, **SMALL).fit(X).loss_
        for precision in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1]
    assert_allclose(*losses, rtol=0.02)


def test_parameters_are_searched():
    search = GridSearchCV(
        ConvolutionalAutoencoder(4, **SMALL | {"max_iter": 1}), {"channels": [(2,), (4, 4)]}, cv=2
    ).fit(DIGITS[:60])
    assert search.best_estimator_.network_.channels == search.best_params_["channels"]
    network = ConvolutionalNetwork((8, 8), (2,), (8,))
    ae = AutoencoderTransformer(4, network=network, max_iter=1)
    search = GridSearchCV(ae, {"network__kernel_size": [3, 5]}, cv=2).fit(DIGITS[:60])
    assert search.best_estimator_.network_.kernel_size in (3, 5)


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"channels": ()}, r"channels=\(\) leaves no convolutions"),
        ({"channels": (4, 0)}, r"channels must be a tuple of integers of at least 1.*\(4, 0\)"),
        ({"channels": 4}, "channels must be a tuple .*got 4"),
        ({"hidden_layer_sizes": (4, 1.5)}, "hidden_layer_sizes must be .*1.5"),
        ({"kernel_size": 4}, "kernel_size must be an odd integer of at least 3, got 4"),
        ({"kernel_size": 1}, "kernel_size must be .*got 1"),
        ({"activation": "foo"}, "activation must be one of .*got 'foo'"),
        ({"normalization": "layer"}, "normalization must be 'batch' or None, got 'layer'"),
    ],
)
def test_a_description_refuses_what_it_cannot_build(fields, match):
    ae = AutoencoderTransformer(4, network=ConvolutionalNetwork(), max_iter=1, random_state=0)
    before = ae.fit(DIGITS[:60]).transform(DIGITS)
    ae.network.set_params(**fields)
    with pytest.raises(ValueError, match=match):
        ae.fit(DIGITS[:60])
    assert_array_equal(ae.transform(DIGITS), before)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"image_shape": 64}, "image_shape"),
        ({"channels": 4}, "channels"),
        ({"normalization": "layer"}, "normalization"),
        ({"activation": "foo"}, "activation"),
    ],
)
def test_bad_parameters(params, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of ConvolutionalAutoencoder"):
        ConvolutionalAutoencoder(**SMALL | params).fit(DIGITS)


@pytest.mark.parametrize("in_network", [False, True])
def test_batches_of_one_row_have_no_statistics(in_network):
    params = {"batch_size": 1, "max_iter": 1}
    ae = ConvolutionalAutoencoder(normalization="batch", **params)
    if in_network:
        network = ConvolutionalNetwork(normalization="batch")
        ae = AutoencoderTransformer(network=network, **params)
    with pytest.raises(ValueError, match="normalization='batch' needs batches of at least 2"):
        ae.fit(DIGITS[:60])
