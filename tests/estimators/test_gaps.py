"""Images, windows and shares with gaps: filled, and what they hide never matters."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits

import skae
from skae import AutoencoderTransformer, ConvolutionalAutoencoder, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork, Network, SequenceNetwork

IMAGES = load_digits().images[:600]
CONVOLUTIONS = {"channels": (8, 16), "hidden_layer_sizes": (32,)}
SHORT = {"max_iter": 2, "random_state": 0}

# Training for two epochs may end anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def with_holes(images, size=3, seed=0):
    """Return images in which a square is missing."""
    rng, holed = np.random.default_rng(seed), images.copy()
    for image in holed:
        i, j = rng.integers(0, 9 - size, 2)
        image[i : i + size, j : j + size] = np.nan
    return holed


def windows(n_rows=300, seed=0):
    """Two channels of an oscillation, of which some steps are missing in one channel."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6, size=(n_rows, 1)) + np.linspace(0, 6, 16)
    full = np.stack([np.sin(phase), np.cos(phase)], axis=2)
    holed = full.copy()
    for window in holed:
        start = rng.integers(0, 12)
        window[start : start + 4, rng.integers(2)] = np.nan
    return full, holed


def flat(images):
    return images.reshape(len(images), -1)


VARIANTS = {
    "images": (lambda: ConvolutionalAutoencoder(4, **CONVOLUTIONS, **SHORT), with_holes(IMAGES)),
    "images from pca": (
        lambda: ConvolutionalAutoencoder(4, init="pca", **CONVOLUTIONS, **SHORT),
        with_holes(IMAGES),
    ),
    "windows": (
        lambda: skae.SparseAutoencoder(4, network=SequenceNetwork(channels=(8,)), **SHORT),
        windows()[1],
    ),
    "recurrent": (
        lambda: AutoencoderTransformer(4, network=SequenceNetwork(kind="gru"), **SHORT),
        windows()[1],
    ),
    "contractive": (
        lambda: skae.ContractiveAutoencoder(4, network=ConvolutionalNetwork((8, 8)), **SHORT),
        flat(with_holes(IMAGES)),
    ),
    "denoising": (
        lambda: DenoisingAutoencoder(4, network=ConvolutionalNetwork(), **SHORT),
        with_holes(IMAGES),
    ),
    "adversarial": (
        lambda: skae.AdversarialAutoencoder(4, network=ConvolutionalNetwork(), **SHORT),
        with_holes(IMAGES),
    ),
    "wasserstein": (
        lambda: skae.WassersteinAutoencoder(4, loss="poisson", **SHORT),
        flat(with_holes(IMAGES)),
    ),
    "nested": (
        lambda: skae.NestedAutoencoder(4, loss="log_loss", **SHORT),
        flat(with_holes(IMAGES)) / 16,
    ),
    "columns": (lambda: AutoencoderTransformer(4, **SHORT), flat(with_holes(IMAGES))),
    "likelihood": (
        lambda: skae.VariationalAutoencoder(4, **SHORT),
        flat(with_holes(IMAGES))[:, 8:],
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_hidden_values_never_matter(name):
    make, X = VARIANTS[name]
    fitted = make().fit(X)
    answers = fitted.transform(X), fitted.reconstruct(X), fitted.score_samples(X)
    for answer in answers:
        assert np.isfinite(answer).all()
    # A row alone, the complete one beside the others, has the same bits.
    assert_array_equal(fitted.transform(X[7:8]), answers[0][7:8])
    # The gradient of the loss by answers of hidden cells is exactly zero.
    (head,) = fitted.net_.criterion_.heads
    x = fitted._table.rows(fitted._frame.read(X[:20])[0] if fitted._frame else flat(X[:20]))[:]
    module = fitted.net_.module_.double()
    output = module(x).detach().requires_grad_()
    head.loss.function(output, x).backward()
    value, by_hand = head.loss.value_and_gradient(output.detach().clone(), x)
    assert torch.isfinite(value)
    for gradient in (output.grad, by_hand):
        assert (gradient[x.isnan()] == 0).all()
        assert (gradient[~x.isnan()] != 0).double().mean() > 0.8
    # Nor does the network see anything but that they are missing.
    inputs = x.clone().requires_grad_()
    module.encoder(inputs).sum().backward()
    assert (inputs.grad[x.isnan()] == 0).all()


def masked(X, value):
    """Return columns of pandas that hold a value beneath the mask of what is missing."""
    gaps = np.isnan(X)
    beneath = np.where(gaps, value, X)
    cells = [pd.arrays.FloatingArray(beneath[:, i], gaps[:, i]) for i in range(X.shape[1])]
    return pd.DataFrame({f"x{i}": column for i, column in enumerate(cells)})


def of_arrow(X, value):
    """Return columns of Arrow that hold a value where their bits say that none is there."""
    gaps = np.isnan(X)
    beneath, bits = np.where(gaps, value, X), np.packbits(~gaps, axis=0, bitorder="little")
    buffers = [
        [pa.py_buffer(values.tobytes()) for values in (bits[:, i], beneath[:, i])]
        for i in range(X.shape[1])
    ]
    cells = [pa.Array.from_buffers(pa.float64(), len(X), both) for both in buffers]
    return pa.table({f"x{i}": column for i, column in enumerate(cells)})


@pytest.mark.parametrize("make_table", [masked, of_arrow])
@pytest.mark.parametrize("network", [None, ConvolutionalNetwork((8, 8))], ids=["dense", "images"])
def test_what_lies_beneath_a_gap_changes_no_bit(make_table, network):
    X = flat(with_holes(IMAGES))[:200]
    answers = []
    for value in (0.0, 1e30):
        table = make_table(X, value)
        fitted = AutoencoderTransformer(4, network=network, **SHORT).fit(table)
        answers.append((fitted.transform(table), fitted.score_samples(table)))
    for one, other in zip(*answers, strict=True):
        assert_array_equal(one, other)
    # The control: a value that is there counts.
    there = table.to_pandas() if make_table is of_arrow else table
    assert (fitted.transform(there.fillna(16.0)) != answers[0][0]).any(axis=1).mean() > 0.9


def test_holes_of_images_are_filled():
    holed = with_holes(IMAGES)
    ae = ConvolutionalAutoencoder(12, init="pca", max_iter=30, random_state=0, **CONVOLUTIONS)
    train, test = slice(0, 500), slice(500, 600)
    filled = ae.fit(holed[train]).reconstruct(holed[test])
    assert filled.shape == (100, 8, 8)
    hole = np.isnan(holed[test])
    means = np.broadcast_to(np.nanmean(holed[train], axis=0), hole.shape)
    error = np.square(filled - IMAGES[test])[hole].mean()
    assert error < 0.7 * np.square(means - IMAGES[test])[hole].mean()
    # The control sees the means, not that they are filled in.
    blind = clone(ae).fit(np.where(np.isnan(holed), np.nanmean(holed[train], axis=0), holed)[train])
    of_blind = blind.reconstruct(holed[test])
    assert error < 0.9 * np.square(of_blind - IMAGES[test])[hole].mean()


def test_steps_of_windows_are_filled():
    full, holed = windows()
    network = SequenceNetwork(channels=(16, 16))
    ae = AutoencoderTransformer(3, network=network, max_iter=30, random_state=0).fit(holed[:250])
    filled, hole = ae.reconstruct(holed[250:]), np.isnan(holed[250:])
    assert np.square(filled - full[250:])[hole].mean() < 0.3 * full.var()


@pytest.mark.parametrize("loss", ["poisson", "log_loss"])
def test_losses_with_a_range_take_gaps(loss):
    X = flat(IMAGES) / (16 if loss == "log_loss" else 1)
    gappy = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.2, np.nan, X)
    gappy[:, 0] = 0.0
    ae = AutoencoderTransformer(12, loss=loss, max_iter=20, random_state=0).fit(gappy)
    filled, hole = ae.reconstruct(gappy), np.isnan(gappy)
    means = np.broadcast_to(np.nanmean(gappy, axis=0), X.shape)
    assert np.square(filled - X)[hole].mean() < 0.7 * np.square(means - X)[hole].mean()
    # Scores are means over the cells that have a value.
    by_column = ae.score_columns(gappy)
    assert_array_equal(by_column.isna(), hole)
    assert_allclose(by_column.mean(axis=1), ae.score_samples(gappy), rtol=1e-6)
    with pytest.raises(ValueError, match=f"loss='{loss}' needs values"):
        ae.score_samples(np.where(hole, np.nan, -1.0))


def test_moments_are_those_of_the_cells_that_have_a_value():
    holed = with_holes(IMAGES)
    ae = ConvolutionalAutoencoder(4, **CONVOLUTIONS, **SHORT).fit(holed)
    assert_allclose(ae.mean_, np.nanmean(flat(holed), axis=0), atol=1e-12)
    assert_allclose(ae.scale_**2, np.nanvar(flat(holed), axis=0).mean(), rtol=1e-12)
    weight = np.arange(len(holed)) % 3
    weighted = ConvolutionalAutoencoder(4, **CONVOLUTIONS, **SHORT).fit(holed, sample_weight=weight)
    repeated = np.repeat(flat(holed), weight, axis=0)
    assert_allclose(weighted.mean_, np.nanmean(repeated, axis=0), atol=1e-12)
    assert_allclose(weighted.scale_**2, np.nanvar(repeated, axis=0).mean(), rtol=1e-12)


def test_gaps_after_a_fit_without_any_and_the_reverse(tmp_path):
    full, holed = IMAGES, with_holes(IMAGES)
    of_full = ConvolutionalAutoencoder(4, **CONVOLUTIONS, **SHORT).fit(full)
    filled = np.where(np.isnan(holed), full.mean(axis=0), holed)
    assert_allclose(of_full.transform(holed), of_full.transform(filled), atol=1e-6)
    with pytest.raises(ValueError, match=r"contains NaN.*The rows of fit had none"):
        of_full.partial_fit(holed)
    counts = AutoencoderTransformer(4, loss="poisson", **SHORT).fit(flat(full))
    with pytest.raises(ValueError, match=r"contains NaN.*The rows of fit had none"):
        counts.transform(flat(holed))
    of_holed = ConvolutionalAutoencoder(4, **CONVOLUTIONS, **SHORT).fit(holed)
    assert np.isfinite(of_holed.reconstruct(full)).all()
    assert of_holed.partial_fit(full).n_iter_ == 3
    skae.save(of_holed, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert_array_equal(loaded.reconstruct(holed), of_holed.reconstruct(holed))


def test_an_image_or_a_pixel_without_a_value():
    holed = with_holes(IMAGES)
    holed[3] = np.nan
    with pytest.raises(ValueError, match="Row 3 of X, counted from 0, has no value"):
        ConvolutionalAutoencoder(4, **SHORT).fit(holed)
    holed = with_holes(IMAGES)
    holed[:, 0, 2] = np.nan
    with pytest.raises(ValueError, match="Column 'x2' has no value in any row"):
        ConvolutionalAutoencoder(4, **SHORT).fit(holed)
    holed[0] = IMAGES[0]
    with pytest.raises(
        ValueError, match=r"Column 2 of X, .* no value in any row of a weight above"
    ):
        ConvolutionalAutoencoder(4, **SHORT).fit(holed, sample_weight=np.arange(len(holed)))


def test_infinity_beside_gaps():
    holed = with_holes(IMAGES)
    holed[5, 7, 7] = np.inf
    with pytest.raises(ValueError, match=r"contains infinity.*X\[5, 7, 7\]"):
        ConvolutionalAutoencoder(4, **SHORT).fit(holed)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DenoisingAutoencoder(4, noise="salt_and_pepper", **SHORT),
        lambda: DenoisingAutoencoder(4, noise=lambda x, generator: x, **SHORT),
        lambda: skae.VariationalAutoencoder(4, network=ConvolutionalNetwork(), **SHORT),
        lambda: skae.VariationalAutoencoder(4, loss="log_loss", **SHORT),
    ],
)
def test_what_takes_no_gaps_says_so(make):
    with pytest.raises(ValueError, match=r"NaN.*X\[0, \d+\].* (noise|network|loss)=.* no gaps"):
        make().fit(flat(with_holes(IMAGES)) / 16)


def test_networks_of_a_user():
    class Images(ConvolutionalNetwork):
        with_gaps = Network.with_gaps

    with pytest.raises(ValueError, match="Images does not define with_gaps"):
        AutoencoderTransformer(4, network=Images(), **SHORT).fit(with_holes(IMAGES))


@pytest.mark.parametrize("convolutional", [False, True])
def test_gaps_in_other_containers(convolutional, tmp_path):
    X = flat(with_holes(IMAGES))
    network = ConvolutionalNetwork((8, 8)) if convolutional else None

    def make():
        return AutoencoderTransformer(4, network=network, **SHORT)

    fitted = make().fit(X)
    codes = fitted.transform(X)
    # Tensors, lists and tables are taken as arrays are.
    for rows in (torch.from_numpy(X), X.tolist()):
        assert_array_equal(make().fit(rows).transform(rows), codes)
    frame = pd.DataFrame(X)
    frame.columns = frame.columns.astype(str)
    assert_array_equal(make().fit(frame).transform(frame), codes)
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert_array_equal(make().fit(mapped).transform(mapped), codes)
    with pytest.raises(ValueError, match=r"contains NaN.*dense tables in memory: give X.toarray"):
        make().fit(sparse.csr_array(X))
    with (
        config_context(array_api_dispatch=True),
        pytest.raises(ValueError, match="in memory: give an array of NumPy"),
    ):
        make().fit(torch.from_numpy(X))
