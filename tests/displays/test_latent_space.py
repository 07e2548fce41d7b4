"""Codes in two dimensions: points, densities and histograms hold the codes that transform gives."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from display_cases import CLASSES, DIGITS, TABLE, WINE, linear, of_digits, of_images, of_table
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE

from skae import AutoencoderTransformer
from skae.displays import LatentSpaceDisplay

draw = LatentSpaceDisplay.from_estimator
CODES = of_digits().transform(DIGITS)


def test_points_are_two_of_the_codes():
    display = draw(of_digits(), DIGITS, components=(3, 1))
    (points,) = display.scatter_
    assert_allclose(points.get_offsets(), CODES[:, [3, 1]])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("code 3", "code 1")
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize("container", [np.asarray, list, pl.Series, lambda y: y[:, None]])
def test_classes_have_a_colour_each(container):
    y = container(np.array([f"digit {i}" for i in CLASSES]))
    display = draw(of_digits(), DIGITS, y)
    for digit, points in enumerate(display.scatter_):
        assert_allclose(points.get_offsets(), CODES[digit == CLASSES][:, :2])
        assert points.get_label() == f"digit {digit}"
    colours = {tuple(points.get_facecolor()[0]) for points in display.scatter_}
    assert len(colours) == 10


def test_values_have_a_colour_bar():
    values = DIGITS.mean(axis=1)
    display = draw(of_digits(), DIGITS, values)
    assert_allclose(display.scatter_[0].get_array(), values)
    assert display.scatter_[0].colorbar is not None


def test_many_classes_and_missing_ones():
    y = pd.Series(np.arange(300) % 40).map("class {:02d}".format)
    y[:100] = None
    display = draw(of_digits(), DIGITS, y)
    names = [points.get_label() for points in display.scatter_]
    assert len(names) == 20
    assert names[-1] == "all others"
    assert "missing" in names
    assert sum(len(points.get_offsets()) for points in display.scatter_) == 300


def test_classes_keep_the_order_of_their_values():
    display = draw(of_digits(), DIGITS, np.arange(300) % 12 - 1)
    labels = [points.get_label() for points in display.scatter_]
    assert labels == [str(i) for i in range(-1, 11)]


def test_pca_of_the_codes():
    display = draw(of_digits(), DIGITS, method="pca")
    pca = PCA(2).fit(CODES)
    assert_allclose(np.abs(display.points), np.abs(pca.transform(CODES)), atol=1e-5)
    share = pca.explained_variance_ratio_[0]
    assert display.ax_.get_xlabel() == f"first direction ({share:.0%} of variance)"


def test_tsne_of_a_sample():
    display = draw(of_digits(), DIGITS, CLASSES, method="tsne", max_samples=40, random_state=0)
    assert display.points.shape == (40, 2)
    again = draw(of_digits(), DIGITS, CLASSES, method="tsne", max_samples=40, random_state=0)
    assert np.array_equal(display.points, again.points)
    # Few rows need fewer neighbours than t-SNE's default.
    few = LatentSpaceDisplay.from_predictions(CODES[:10], method="tsne", random_state=0)
    expected = TSNE(perplexity=3, random_state=np.random.RandomState(0)).fit_transform(CODES[:10])
    assert_allclose(few.points, expected, rtol=1e-4)


def test_a_sample_keeps_rows_and_classes_together():
    display = draw(of_digits(), DIGITS, CLASSES, max_samples=100, random_state=1)
    assert display.ax_.get_title() == "100 of 300 rows"
    class_of = dict(zip(map(tuple, CODES[:, :2]), CLASSES, strict=True))
    for points in display.scatter_:
        assert {str(class_of[tuple(one)]) for one in points.get_offsets().data} == {
            points.get_label()
        }


def test_many_rows_are_a_density():
    codes = np.random.default_rng(0).normal(size=(6000, 3))
    display = LatentSpaceDisplay.from_predictions(codes)
    assert display.scatter_ == []
    assert display.hexbin_.get_array().sum() == 6000
    means = LatentSpaceDisplay.from_predictions(codes, codes[:, 0])
    x = means.hexbin_.get_offsets()[:, 0]
    # The mean of the code itself is where the cell is.
    assert np.abs(means.hexbin_.get_array() - x).max() < 0.2
    assert len(LatentSpaceDisplay.from_predictions(codes, kind="scatter").scatter_) == 1
    assert draw(of_digits(), DIGITS, kind="density").hexbin_.get_array().sum() == 300


def test_ten_million_rows_are_a_sample():
    # One row that is repeated takes no memory.
    codes = np.broadcast_to(np.float32([1, 2]), (10_000_000, 2))
    display = LatentSpaceDisplay.from_predictions(codes)
    assert display.share == "100,000 of 10,000,000 rows"
    assert display.ax_.get_title() == display.share
    assert len(display.points) == 100_000


def test_one_code_is_a_histogram_by_class():
    model = linear(1)
    X = WINE.iloc[:50]
    y = np.repeat(["low", "high"], [20, 30])
    display = draw(model, X, y)
    heights = [sum(bar.get_height() for bar in bars) for bars in display.histogram_]
    assert heights == [30, 20]
    edges = [bar.get_x() for bar in display.histogram_[0]]
    assert edges[0] == pytest.approx(model.transform(X).min())
    assert display.ax_.get_ylabel() == "rows"
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["high", "low"]
    assert len(draw(model, X).histogram_) == 1
    # Values stand against the code.
    values = np.arange(50.0)
    against = draw(model, X, values)
    assert_allclose(against.scatter_[0].get_offsets(), np.c_[model.transform(X), values])
    assert against.ax_.get_ylabel() == "y"


def test_images_tables_and_frames_of_codes():
    images = draw(of_images(), DIGITS.reshape(-1, 8, 8))
    assert_allclose(images.points, of_images().transform(DIGITS.reshape(-1, 8, 8))[:, :2])
    display = draw(of_table(), TABLE, TABLE["grade"])
    assert [points.get_label() for points in display.scatter_] == ["D", "C", "B", "A"]
    frames = AutoencoderTransformer(2, max_iter=1, random_state=0).set_output(transform="pandas")
    frames.fit(TABLE)
    assert_allclose(draw(frames, TABLE).points, frames.transform(TABLE))


def test_what_cannot_be_drawn_is_refused():
    model = of_digits()
    with pytest.raises(NotFittedError):
        draw(AutoencoderTransformer(), DIGITS)
    with pytest.raises(ValueError, match="X has 63 features"):
        draw(model, DIGITS[:, 1:])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        draw(model, DIGITS, CLASSES[1:])
    with pytest.raises(ValueError, match=r"from 0 to 3, got \(0, 4\)"):
        draw(model, DIGITS, components=(0, 4))
    with pytest.raises(ValueError, match=r"two different numbers .* got \(1, 1\)"):
        draw(model, DIGITS, components=(1, 1))
    with pytest.raises(ValueError, match="method must be 'codes', 'pca' or 'tsne', got 'umap'"):
        draw(model, DIGITS, method="umap")
    with pytest.raises(ValueError, match="kind must be"):
        draw(model, DIGITS, kind="points")
    with pytest.raises(ValueError, match="needs at least 3 rows, got 2"):
        draw(model, DIGITS[:2], method="pca")
    with pytest.raises(ValueError, match="rows to draw must be at least 1, got 0"):
        draw(model, DIGITS, max_samples=0)
    with pytest.raises(ValueError, match="codes must be a table"):
        LatentSpaceDisplay.from_predictions(CODES[0])
    with pytest.raises(TypeError, match="got ndarray"):
        draw(model, DIGITS, ax=plt.subplots(2)[1])
