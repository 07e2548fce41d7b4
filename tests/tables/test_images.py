"""Images and windows as they are: arrays of more dimensions in, the same shape back."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer, ConvolutionalAutoencoder, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork, DenseNetwork, SequenceNetwork
from skae.tables import is_memory_mapped, validate_rows

SMALL = {"max_iter": 2, "random_state": 0}
SHAPES = [(8, 6), (8, 6, 1), (7, 5, 3)]


def make_images(shape, n=60, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype(dtype)


def small(**params):
    return ConvolutionalAutoencoder(3, channels=(4,), hidden_layer_sizes=(8,), **SMALL | params)


def windows(window_shape=None):
    network = SequenceNetwork(window_shape, channels=(4,), hidden_layer_sizes=(8,))
    return AutoencoderTransformer(3, network=network, **SMALL)


def everything(ae, X):
    """What a fitted model answers for rows."""
    return [
        ae.transform(X),
        ae.reconstruct(X),
        ae.score_samples(X),
        ae.inverse_transform(ae.transform(X)),
        ae.sample(4, random_state=0),
    ]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("shape", SHAPES)
def test_images_are_flat_rows_in_another_shape(shape, method):
    X = make_images(shape)
    flat = X.reshape(60, -1)
    ae = getattr(small(), method)(X)
    from_rows = getattr(small(image_shape=shape), method)(flat)
    assert ae.network_.image_shape == shape
    assert ae.n_features_in_ == flat.shape[1]
    of_images, of_rows = everything(ae, X), everything(from_rows, flat)
    assert [a.shape for a in of_images] == [(60, 3), X.shape, (60,), X.shape, (4, *shape)]
    assert_same([a.reshape(b.shape) for a, b in zip(of_images, of_rows, strict=True)], of_rows)
    assert ae.score(X) == from_rows.score(flat)
    # A model fitted on the one takes the other, and answers in the shape of what it is given.
    assert_array_equal(ae.reconstruct(flat), from_rows.reconstruct(flat))
    assert_array_equal(from_rows.reconstruct(X), ae.reconstruct(X))
    assert ae.inverse_transform(ae.transform(flat)).shape == X.shape
    assert from_rows.sample().shape == (1, flat.shape[1])


def test_windows_are_flat_rows_in_another_shape():
    X = make_images((20, 3))
    ae = windows().fit(X)
    assert ae.network_.window_shape == (20, 3)
    assert [a.shape for a in everything(ae, X)][:2] == [(60, 3), X.shape]
    flat = windows((20, 3)).fit(X.reshape(60, -1))
    assert_array_equal(flat.transform(X), ae.transform(X))


@pytest.mark.parametrize("given", [(8, 6), (8, 6, 1), [8, 6]])
def test_the_axis_of_one_channel_may_be_missing(given):
    ae = small(image_shape=given)
    answers = [everything(clone(ae).fit(X), X)[0] for X in map(make_images, SHAPES[:2])]
    assert_array_equal(*answers)
    with_axis = clone(ae).fit(make_images((8, 6)))
    assert with_axis.reconstruct(make_images((8, 6, 1))).shape == (60, 8, 6, 1)


def test_rows_of_a_table_are_square_or_one_pixel_high():
    assert small().fit(make_images((16,))).network_.image_shape == (4, 4)
    assert small().fit(make_images((15,))).network_.image_shape == (1, 15)
    assert windows().fit(make_images((16,))).network_.window_shape == (16, 1)


@pytest.mark.parametrize(
    "to_input",
    [
        torch.from_numpy,
        lambda X: torch.from_numpy(X).requires_grad_(),
        lambda X: X.tolist(),
        list,
        np.asfortranarray,
        lambda X: X[:, ::-1][:, ::-1],
        lambda X: np.repeat(X, 2, axis=0)[::2],
    ],
    ids=["tensor", "graph", "lists", "list", "fortran", "flipped", "strided"],
)
def test_images_come_as_anything(to_input):
    X = make_images((7, 5, 3)).astype(np.float64)
    expected = everything(small().fit(X), X)
    given = to_input(X)
    assert_same(everything(small().fit(given), given), expected)


@pytest.mark.parametrize("fitted_on", ["tensor", "array"])
def test_tensors_stay_tensors(fitted_on):
    X = make_images((7, 5, 3))
    given = torch.from_numpy(X)
    expected = everything(small().fit(X), X)
    with config_context(array_api_dispatch=True):
        ae = small().fit(given if fitted_on == "tensor" else X)
        answers = everything(ae, given)
        assert all(isinstance(a, torch.Tensor) for a in answers[:4])
        assert_same(answers, expected)


def test_other_array_libraries():
    strict = pytest.importorskip("array_api_strict")
    X = make_images((7, 5, 3))
    with config_context(array_api_dispatch=True):
        given = strict.asarray(X)
        ae = small().fit(given)
        answer = ae.reconstruct(given)
        assert type(answer) is type(given)
    assert_array_equal(np.asarray(answer), small().fit(X).reconstruct(X))


def test_mapped_files_stay_mapped(tmp_path):
    X = make_images((7, 5, 3))
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows, caller = validate_rows(small(), mapped, "fit", ConvolutionalNetwork(), reset=True)
    assert is_memory_mapped(rows)
    assert rows.shape == (60, 105)
    assert caller.row_shape == (7, 5, 3)
    assert_same(everything(small().fit(mapped), mapped), everything(small().fit(X), X))


def test_chunks_of_images():
    X = make_images((7, 5, 3), 90)
    one = small().partial_fit(iter(np.split(X, 3)))
    other = small()
    for chunk in np.split(X, 3):
        other.partial_fit(chunk)
    flat = small(image_shape=(7, 5, 3)).partial_fit(iter(np.split(X.reshape(90, -1), 3)))
    assert_same(everything(one, X), everything(other, X))
    assert_array_equal(flat.transform(X), one.transform(X))


def test_going_on_and_pickling():
    X = make_images((7, 5, 3))
    ae = small(warm_start=True).fit(X)
    loaded = pickle.loads(pickle.dumps(ae))
    assert_same(everything(loaded, X), everything(ae, X))
    # Rows of the same values in a table go on with it; what leaves keeps the first shape.
    ae.fit(X.reshape(60, -1)), loaded.fit(X)
    assert_same(everything(loaded, X), everything(ae, X))
    with pytest.raises(ValueError, match="a parameter of the network changed"):
        ae.set_params(channels=(5,)).fit(X)
    with pytest.raises(ValueError, match=r"image_shape=\(5, 7, 3\)"):
        ae.set_params(channels=(4,), image_shape=(5, 7, 3)).fit(X)
    # A new fit takes a new shape.
    Y = make_images((4, 4))
    ae.set_params(image_shape=None, warm_start=False).fit(Y)
    assert ae.sample(2).shape == (2, 4, 4)
    assert ae.fit(Y.reshape(60, 16)).sample(2).shape == (2, 16)


def test_weights_pipelines_and_names():
    X = make_images((8, 6))
    weight = np.repeat([0.0, 1.0], 30)
    assert_array_equal(
        small().fit(X, sample_weight=weight).transform(X), small().fit(X[30:]).transform(X)
    )
    pipeline = make_pipeline(small()).set_output(transform="pandas")
    codes = pipeline.fit_transform(X)
    assert list(codes.columns) == [f"convolutionalautoencoder{i}" for i in range(3)]


@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(3, network=ConvolutionalNetwork(channels=(4,)), **SMALL),
        DenoisingAutoencoder(3, network=ConvolutionalNetwork(channels=(4,)), **SMALL),
        DenoisingAutoencoder(3, network=SequenceNetwork(kind="gru", hidden_size=8), **SMALL),
    ],
    ids=lambda ae: f"{type(ae).__name__}-{type(ae.network).__name__}",
)
def test_every_estimator_takes_them(estimator):
    X = make_images((10, 7))
    ae = clone(estimator).fit(X)
    assert ae.reconstruct(X).shape == ae.inverse_transform(ae.transform(X)).shape == X.shape
    assert ae.score(X) > ae.score(5 * X)


# -- bad input -------------------------------------------------------------------------------


BAD_SHAPES = [
    (small(image_shape=(8, 5)), (8, 6), r"image_shape=\(8, 5\) makes 40 columns.*\(8, 6\) of 48"),
    (small(image_shape=(6, 8)), (8, 6), r"image_shape=\(6, 8\).*height, width"),
    (small(image_shape=(8, 6, 1)), (8, 6, 2), r"image_shape=\(8, 6, 1\)"),
    (small(image_shape=(8, 5)), (48,), r"image_shape=\(8, 5\) makes 40 columns.*48 columns"),
    (small(), (3, 4, 5, 2), r"shape \(3, 4, 5, 2\).*image_shape is \(height"),
    (small(image_shape=(8, 6)), (8, 3, 2), r"image_shape=\(8, 6\)"),
    (small(image_shape=(48,)), (48,), r"image_shape must be \(height, width, n_channels\)"),
    (small(image_shape=(8, 0)), (48,), r"image_shape must be .*got \(8, 0\)"),
    (small(image_shape=(8.0, 6)), (48,), r"image_shape must be .*got \(8.0, 6\)"),
    (windows(), (5, 4, 2), r"shape \(5, 4, 2\).*window_shape is \(n_steps, n_channels\)"),
    (windows((5, 4)), (4, 5), r"window_shape=\(5, 4\)"),
    (windows((5, 4)), (21,), r"window_shape=\(5, 4\).*21 columns"),
    (windows(5), (5,), r"window_shape must be .*got 5"),
    (AutoencoderTransformer(**SMALL), (8, 6), "Found array with dim 3"),
    (AutoencoderTransformer(network=DenseNetwork(), **SMALL), (8, 6), "Found array with dim 3"),
]


@pytest.mark.parametrize(("estimator", "shape", "match"), BAD_SHAPES, ids=lambda x: str(x)[:40])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_shape_that_does_not_fit_is_refused(estimator, shape, match, method):
    ae = clone(estimator)
    with pytest.raises(ValueError, match=match):
        getattr(ae, method)(make_images(shape))
    assert not hasattr(ae, "net_")


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((6, 8), r"image_shape=\(8, 6\)"),
        ((8, 6, 3), r"image_shape=\(8, 6\)"),
        ((8, 5), r"image_shape=\(8, 6\)"),
        ((47,), "X has 47 features, but ConvolutionalAutoencoder is expecting 48"),
        ((2, 4, 3, 2), "image_shape"),
    ],
)
def test_a_fitted_model_survives_a_shape_that_does_not_fit(shape, match):
    X = make_images((8, 6))
    ae = small().fit(X)
    before = everything(ae, X)
    bad = make_images(shape)
    for call in (ae.transform, ae.reconstruct, ae.score_samples, ae.score, ae.partial_fit):
        with pytest.raises(ValueError, match=match):
            call(bad)
    with pytest.raises(ValueError, match=match):
        ae.partial_fit(iter([X, bad]))
    with pytest.raises(ValueError, match=r"image_shape=\(7, 7\)"):
        ae.set_params(image_shape=(7, 7)).fit(X)
    assert_same(everything(ae, X), before)


@pytest.mark.parametrize("value", [-np.inf, np.inf])
def test_bad_values_and_no_values(value):
    X = make_images((8, 6))
    ae = small().fit(X)
    bad = X.copy()
    bad[3, 2, 1] = value
    for call in (ae.transform, ae.fit, small().fit):
        with pytest.raises(ValueError, match="contains infinity"):
            call(bad)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            call(X[:0])
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        small().fit(X[:, :, :0])


def test_channels_that_seem_to_come_first_are_asked_about():
    X = np.random.default_rng(0).normal(size=(20, 3, 8, 8))
    params = {"channels": (2,), "hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    with pytest.warns(UserWarning, match=r"channels come first.*image_shape=\(3, 8, 8\)"):
        ConvolutionalAutoencoder(2, **params).fit(X)
    # Who says so means it, and channels that come last need no question.
    ConvolutionalAutoencoder(2, image_shape=(3, 8, 8), **params).fit(X)
    ConvolutionalAutoencoder(2, **params).fit(np.moveaxis(X, 1, -1))
