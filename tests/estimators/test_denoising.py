"""The denoising autoencoder: its noise, and that it learns to remove it."""

import pickle
from functools import cache
from itertools import cycle

import numpy as np
import pytest
import torch
from fused_cases import AdamByAutograd, is_fused
from numpy.testing import assert_allclose, assert_array_equal
from schedule_cases import OF_VARIANTS
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.objectives import NOISES, Corruption

DIGITS = np.random.default_rng(0).permutation(load_digits().data).astype(np.float32)
TRAIN, TEST = DIGITS[:400], DIGITS[1300:]
# Rows for the fits that learn to remove noise.
MORE = DIGITS[:1300]
SMALL = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
ROWS = torch.randn(400, 50, generator=torch.Generator().manual_seed(1))
MEAN, SCALE = torch.linspace(-2, 2, 50), 3.0


def make_corruption(noise, level, seed=0):
    data = ROWS * SCALE + MEAN
    extremes = torch.stack([data.amin(0), data.amax(0)])
    corruption = Corruption(noise, level, MEAN, SCALE, extremes)
    corruption.random.generator = torch.Generator().manual_seed(seed)
    return corruption


# -- the noise -------------------------------------------------------------------------------


def test_gaussian_noise_has_the_asked_deviation_in_the_unit_of_the_data():
    added = (make_corruption("gaussian", 1.5)(ROWS) - ROWS) * SCALE
    assert_allclose(added.mean(), 0, atol=0.05)
    assert_allclose(added.std(), 1.5, rtol=0.03)


@pytest.mark.parametrize("level", [0.1, 0.25, 0.6])
@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper", "swap"])
def test_the_asked_share_of_cells_is_changed(noise, level):
    noisy = make_corruption(noise, level)(ROWS)
    assert_allclose((noisy != ROWS).float().mean(), level, atol=0.02)


def test_what_stands_in_place_of_a_cell():
    for noise in ("masking", "salt_and_pepper", "swap"):
        noisy = make_corruption(noise, 0.5)(ROWS)
        changed = noisy != ROWS
        for j in range(ROWS.shape[1]):
            found = noisy[changed[:, j], j]
            if noise == "masking":
                assert (found == 0).all()
            elif noise == "swap":
                assert torch.isin(found, ROWS[:, j]).all()
            else:
                ends = ROWS[:, j].aminmax()
                is_low = (found - ends.min).abs() < 1e-5
                assert (is_low | ((found - ends.max).abs() < 1e-5)).all()
                # Both ends, about as often.
                assert 0.3 < is_low.float().mean() < 0.7


@pytest.mark.parametrize("noise", NOISES)
def test_noise_is_fresh_in_training_and_the_same_in_every_measurement(noise):
    corruption = make_corruption(noise, 0.3)
    assert not torch.equal(corruption(ROWS), corruption(ROWS))
    assert_array_equal(make_corruption(noise, 0.3)(ROWS), make_corruption(noise, 0.3)(ROWS))
    measured = []
    for seed in (0, 1):
        corruption = make_corruption(noise, 0.3, seed).eval()
        one, other = corruption(ROWS), corruption(ROWS)
        assert not torch.equal(one, other)
        corruption.train()(ROWS)
        assert torch.equal(corruption.eval()(ROWS), one)
        measured.append(one)
    assert torch.equal(*measured)


def test_a_callable_gets_the_unit_of_the_data_and_the_generator():
    seen = []

    def noise(x, generator):
        seen.append(x.clone())
        return x + torch.randn(x.shape, generator=generator)

    X = TRAIN[:300] * 10 + 7
    fits = [DenoisingAutoencoder(noise=noise, **SMALL).fit(X) for _ in range(2)]
    assert_array_equal(fits[0].transform(X), fits[1].transform(X))
    assert all(np.isin(batch.round().numpy(), X).all() for batch in seen)
    gaussian = DenoisingAutoencoder(noise="gaussian", noise_level=1, **SMALL).fit(X)
    assert_allclose(fits[0].loss_, gaussian.loss_, rtol=0.05)


@pytest.mark.parametrize("unit", [1e-60, 1.0, 1e60])
def test_a_callable_that_does_nothing_is_no_noise_in_any_unit(unit):
    X = TRAIN[:300].astype(np.float64) * unit
    plain = AutoencoderTransformer(**OF_VARIANTS | SMALL).fit(X)
    silent = DenoisingAutoencoder(noise=lambda x, generator: x, **SMALL).fit(X)
    assert_allclose(silent.loss_curve_, plain.loss_curve_, rtol=1e-4)


def test_noise_of_another_unit_than_the_data_is_told():
    X = TRAIN[:300] * 100
    with pytest.warns(UserWarning, match=r"noise_level=0.25 .* spread of the data, scale_=4\d\d"):
        DenoisingAutoencoder(noise="gaussian", **SMALL).fit(X)
    # Without a warning, which would be an error here.
    DenoisingAutoencoder(noise="gaussian", noise_level=100, **SMALL).fit(X)
    DenoisingAutoencoder(noise="gaussian", noise_level=0, **SMALL).fit(X)
    DenoisingAutoencoder(**SMALL).fit(X)
    DenoisingAutoencoder(noise="gaussian", **SMALL).fit(X, X / 2)


def test_a_module_of_torchs_as_noise_is_used_and_not_trained():
    with torch.random.fork_rng():
        layer = torch.nn.Linear(64, 64).double()
    before = layer.weight.detach().clone()

    class Noise(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, generator):
            return x + 0.1 * self.layer(x)

    ae = DenoisingAutoencoder(noise=Noise(), **SMALL).fit(TRAIN)
    assert torch.equal(layer.weight, before)
    plain = AutoencoderTransformer(**SMALL).fit(TRAIN)
    assert not np.array_equal(ae.transform(TEST), plain.transform(TEST))


def test_swap_takes_the_value_of_another_row():
    distinct = torch.arange(400.0).view(8, 50)
    noisy = make_corruption("swap", 1.0)(distinct)
    assert (noisy != distinct).all()
    assert ((noisy - distinct).remainder(50) == 0).all()
    # One row has no other; where it is measured only, it stays as it is.
    one = make_corruption("swap", 1.0)
    with pytest.raises(ValueError, match=r"noise='swap'.*batch has only one row"):
        one(distinct[:1])
    assert torch.equal(one.eval()(distinct[:1]), distinct[:1])


# -- the estimator ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noise", "params"), [*zip(NOISES, cycle([{}, {"normalization": "layer"}]), strict=False)]
)
def test_without_noise_it_is_the_plain_autoencoder(noise, params):
    params = SMALL | params
    plain = AutoencoderTransformer(**OF_VARIANTS | params).fit(TRAIN)
    silent = DenoisingAutoencoder(noise=noise, noise_level=0, **params).fit(TRAIN)
    loud = DenoisingAutoencoder(noise=noise, noise_level=0.5, **params).fit(TRAIN)
    assert_array_equal(silent.transform(TEST), plain.transform(TEST))
    assert_array_equal(silent.loss_curve_, plain.loss_curve_)
    assert not np.array_equal(loud.transform(TEST), plain.transform(TEST))


def noisy_digits(noise, level):
    rng = np.random.default_rng(0)
    changed = rng.uniform(size=TEST.shape) < level
    if noise == "gaussian":
        return (TEST + rng.normal(scale=level, size=TEST.shape)).astype(np.float32)
    if noise == "masking":
        return np.where(changed, MORE.mean(axis=0), TEST)
    if noise == "swap":
        return np.where(changed, rng.permuted(TEST, axis=0), TEST)
    low, high = MORE.min(axis=0), MORE.max(axis=0)
    return np.where(changed, np.where(rng.uniform(size=TEST.shape) < 0.5, low, high), TEST)


DEEP = {"n_components": 24, "hidden_layer_sizes": (128,), "max_iter": 20, "random_state": 0}


@cache
def without_noise():
    """The plain autoencoder, and PCA of several widths."""
    return AutoencoderTransformer(**DEEP).fit(MORE), [PCA(k).fit(MORE) for k in range(4, 40, 2)]


@pytest.mark.parametrize(
    ("noise", "level"),
    [("gaussian", 4.0), ("masking", 0.3), ("salt_and_pepper", 0.2), ("swap", 0.2)],
)
def test_it_removes_its_noise_better_than_pca_and_the_plain_autoencoder(noise, level):
    noisy = noisy_digits(noise, level)

    def error(model):
        if isinstance(model, PCA):
            return np.square(model.inverse_transform(model.transform(noisy)) - TEST).mean()
        return np.square(model.reconstruct(noisy) - TEST).mean()

    denoiser = DenoisingAutoencoder(noise=noise, noise_level=level, **DEEP).fit(MORE)
    plain, pcas = without_noise()
    # Fewer components remove more noise and more of the digit: the best number for PCA.
    pca = min(map(error, pcas))
    # One decibel is a factor of 0.79.
    assert error(denoiser) < 0.79 * pca
    assert error(denoiser) < 0.79 * error(plain)


@pytest.mark.parametrize("noise", NOISES)
def test_the_fused_step_sees_the_same_noise_as_autograd(noise):
    params = SMALL | {"max_iter": 8, "noise": noise, "noise_level": 0.3}
    fits = [
        DenoisingAutoencoder(optimizer=optimizer, **params).fit(DIGITS[:500])
        for optimizer in ("adam", lambda p, lr: AdamByAutograd(p, lr=lr, eps=1e-6))
    ]
    assert [is_fused(ae) for ae in fits] == [True, False]
    assert_allclose(fits[0].loss_curve_, fits[1].loss_curve_, rtol=1e-3)
    assert_allclose(fits[0].validation_loss_curve_, fits[1].validation_loss_curve_, rtol=1e-3)


def test_codes_are_standardised_over_the_clean_rows():
    ae = DenoisingAutoencoder(noise="gaussian", noise_level=8, **SMALL).fit(TRAIN)
    codes = ae.transform(TRAIN)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    assert_allclose(codes.std(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array])
def test_salt_and_pepper_are_the_extremes_of_the_training_rows(to_input):
    X = TRAIN.astype(np.float64)
    params = SMALL | {"noise": "salt_and_pepper", "noise_level": 1}
    ae = DenoisingAutoencoder(**params).fit(to_input(X))
    corruption = ae.net_.criterion_.corruption
    noisy = corruption(torch.zeros(200, X.shape[1])).numpy() * ae.scale_ + ae.mean_
    assert_allclose(noisy.min(axis=0), X.min(axis=0), atol=1e-5)
    assert_allclose(noisy.max(axis=0), X.max(axis=0), atol=1e-5)
    # Other noise has not looked for them, and cannot turn into it.
    ae = DenoisingAutoencoder(**SMALL).fit(X).set_params(noise="salt_and_pepper")
    with pytest.raises(ValueError, match="noise='salt_and_pepper' needs"):
        ae.partial_fit(X)


@pytest.mark.parametrize("noise", NOISES)
def test_a_pickle_goes_on_with_the_next_noise(noise):
    ae = DenoisingAutoencoder(noise=noise, **SMALL).fit(TRAIN)
    loaded = pickle.loads(pickle.dumps(ae))
    assert_array_equal(loaded.transform(TEST), ae.transform(TEST))
    ae.partial_fit(TEST), loaded.partial_fit(TEST)
    assert_array_equal(loaded.transform(TEST), ae.transform(TEST))


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper", "swap"])
def test_a_share_above_one_is_refused(noise):
    ae = DenoisingAutoencoder(noise=noise, noise_level=1.5, **SMALL)
    with pytest.raises(ValueError, match=f"noise_level=1.5 is a probability for noise='{noise}'"):
        ae.fit(TRAIN)
    assert not hasattr(ae, "net_")
    # Gaussian noise may be as strong as it likes.
    ae.set_params(noise="gaussian").fit(TRAIN)


@pytest.mark.parametrize(
    ("params", "name"),
    [({"noise": "laplace"}, "noise"), ({"noise_level": -0.1}, "noise_level")],
)
def test_bad_parameters(params, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DenoisingAutoencoder"):
        DenoisingAutoencoder(**SMALL | params).fit(TRAIN)


@pytest.mark.parametrize(
    "noise",
    [lambda x, generator: x[:, :3], lambda x, generator: x.sum(), lambda x, generator: None],
)
def test_a_callable_that_changes_the_shape_is_refused(noise):
    ae = DenoisingAutoencoder(**SMALL).fit(TRAIN)
    before = ae.transform(TEST)
    with pytest.raises(ValueError, match=r"noise must return a torch tensor of the shape"):
        ae.set_params(noise=noise).fit(TRAIN)
    assert_array_equal(ae.transform(TEST), before)


def test_noise_that_forgets_what_tensors_are():
    with pytest.raises(ValueError, match=r"must return a torch tensor.*returned ndarray"):
        DenoisingAutoencoder(noise=lambda x, g: x.numpy(), max_iter=2).fit(np.eye(20))
