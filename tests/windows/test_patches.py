"""Patches of images, and images from patches."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork
from skae.windows import Patches

RNG = np.random.default_rng(0)
GREY = RNG.normal(size=(40, 33))
IMAGES = {
    "grey": GREY,
    "colour": RNG.normal(size=(40, 33, 3)),
    "several grey": RNG.normal(size=(3, 20, 21)),
    "several in colour": RNG.normal(size=(2, 20, 21, 4)),
    "many channels": RNG.normal(size=(1, 20, 21, 7)),
}
FLOWER = load_sample_image("flower.jpg")[100:180, 200:290] / 255


@pytest.mark.parametrize("X", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(
    ("size", "step"), [(8, None), (8, 3), ((4, 9), (1, 9)), (5, 1), (1, 1), (20, 20)]
)
@pytest.mark.parametrize("flatten", [True, False])
def test_unchanged_patches_give_back_the_images(X, size, step, flatten):
    patches = Patches(size, step=step, flatten=flatten)
    rows = patches.fit_transform(X)
    back = patches.inverse_transform(rows)
    assert back.shape == X.shape
    np.testing.assert_allclose(back, X, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["grey", "colour"])
def test_plain_means_at_every_pixel_are_those_of_scikit_learn(name):
    X = IMAGES[name]
    patches = Patches((5, 6), step=1, taper="boxcar", flatten=False)
    rows = patches.fit_transform(X)
    np.testing.assert_array_equal(rows, extract_patches_2d(X, (5, 6)))
    answers = RNG.normal(size=rows.shape)
    expected = reconstruct_from_patches_2d(answers, X.shape)
    np.testing.assert_allclose(patches.inverse_transform(answers), expected, atol=1e-14)


def test_overlaps_are_weighted_means():
    patches = Patches(8, step=(3, 4))
    answers = RNG.normal(size=patches.fit_transform(GREY).shape)
    weight = np.outer(np.hanning(10)[1:-1], np.hanning(10)[1:-1])
    total, count = np.zeros((60, 60)), np.zeros((60, 60))
    corners = [(i, j) for i in range(0, 33, 3) for j in range(0, 29, 4)]
    assert len(corners) == len(answers) - len(range(0, 29, 4))
    corners += [(33, j) for j in range(0, 29, 4)]
    for (i, j), answer in zip(corners, answers, strict=True):
        total[i : i + 8, j : j + 8] += weight * answer.reshape(8, 8)
        count[i : i + 8, j : j + 8] += weight
    expected = total[:40, :33] / count[:40, :33]
    np.testing.assert_allclose(patches.inverse_transform(answers), expected)


def test_a_pipeline_cleans_a_photograph_as_a_whole():
    noisy, other = FLOWER + RNG.normal(size=(2, *FLOWER.shape)) * 0.1
    autoencoder = DenoisingAutoencoder(
        20, noise="gaussian", noise_level=0.1, max_iter=3, random_state=0
    )
    pipeline = make_pipeline(Patches(6, step=2), autoencoder).fit(noisy)
    clean = pipeline.inverse_transform(pipeline.transform(other))
    assert clean.shape == FLOWER.shape
    assert np.std(clean - FLOWER) < 0.6 * np.std(other - FLOWER)


def test_convolutions_take_the_shape_of_patches():
    network = ConvolutionalNetwork(channels=(4,), hidden_layer_sizes=())
    autoencoder = AutoencoderTransformer(5, network=network, max_iter=1, random_state=0)
    pipeline = make_pipeline(Patches(8, flatten=False), autoencoder).fit(FLOWER)
    assert pipeline[-1].network_.image_shape == (8, 8, 3)
    assert pipeline.inverse_transform(pipeline.transform(FLOWER)).shape == FLOWER.shape


def test_images_of_another_size():
    patches = Patches(8, step=3).fit(GREY)
    other = RNG.normal(size=(30, 50))
    rows = patches.transform(other)
    back = patches.inverse_transform(rows, image_shape=(30, 50))
    np.testing.assert_allclose(back, other, atol=1e-13)
    with pytest.raises(ValueError, match=r"an image of 40 x 33 pixels has 120 patches"):
        patches.inverse_transform(rows)
    with sklearn.config_context(enable_metadata_routing=True):
        step = Patches(8, step=3).set_inverse_transform_request(image_shape=True)
        pipeline = make_pipeline(step, PCA(60)).fit(GREY)
        codes = pipeline.transform(other)
        assert pipeline.inverse_transform(codes, image_shape=(30, 50)).shape == (30, 50)


def test_several_images_after_a_single_one():
    patches = Patches(8).fit(IMAGES["several grey"][0])
    rows = patches.transform(IMAGES["several grey"])
    np.testing.assert_allclose(patches.inverse_transform(rows), IMAGES["several grey"], atol=1e-13)
    one = np.split(rows, 3)[1]
    np.testing.assert_allclose(
        patches.inverse_transform(one), IMAGES["several grey"][1], atol=1e-13
    )


def test_dtypes_gaps_and_names():
    patches = Patches(8, step=3)
    rows = patches.fit_transform(GREY.astype(np.float32))
    assert rows.dtype == patches.inverse_transform(rows).dtype == np.float32
    assert Patches(8).fit_transform(np.zeros((9, 9), np.uint8)).dtype == np.float64
    gaps = np.where(GREY > 1, np.nan, GREY)
    np.testing.assert_allclose(
        patches.inverse_transform(patches.fit_transform(gaps)), gaps, atol=1e-13
    )
    framed = Patches(8).set_output(transform="pandas").fit_transform(FLOWER)
    assert [*framed.columns[:4]] == ["pixel_0_0_0", "pixel_0_0_1", "pixel_0_0_2", "pixel_0_1_0"]
    loaded = pickle.loads(pickle.dumps(patches))
    np.testing.assert_array_equal(loaded.inverse_transform(rows), patches.inverse_transform(rows))


FITTED = Patches(5).fit(GREY)
ROWS = FITTED.transform(GREY)
REFUSED = {
    r"patch_size=41 is larger than the images: .* 40 x 33": lambda: Patches(41).fit(GREY),
    "step=6 is larger than patch_size=5": lambda: Patches(5, step=6).fit(GREY),
    r"step=\(2, 4\) is larger than patch_size": lambda: Patches((5, 3), step=(2, 4)).fit(GREY),
    r"step must be an integer .* got \(0, 1\)": lambda: Patches(5, step=(0, 1)).fit(GREY),
    "'patch_size' parameter .* Got 0": lambda: Patches(0).fit(GREY),
    r"patch_size must be .* got \(1, 2, 3\)": lambda: Patches((1, 2, 3)).fit(GREY),
    r"contains infinity .* X\[3, 4\]": lambda: Patches(5).fit(
        np.where(np.arange(1320).reshape(40, 33) == 3 * 33 + 4, np.inf, GREY)
    ),
    "dim 1, while Patches": lambda: Patches(5).fit(GREY[0]),
    "dim 5, while Patches": lambda: Patches(5).fit(np.zeros((1, 1, 9, 9, 3))),
    "3 channels, but Patches was fitted": lambda: FITTED.transform(IMAGES["colour"]),
    r"rows of shape \(24,\), but patches": lambda: FITTED.inverse_transform(ROWS[:, 1:]),
    "X has 142 rows, but an image": lambda: FITTED.inverse_transform(ROWS[1:]),
    r"image_shape must be .* got \(3, 3\)": lambda: FITTED.inverse_transform(ROWS, (3, 3)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_errors_name_parameter_and_value(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()
