"""Rows beside their reconstructions: what is drawn is what the estimator answers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from display_cases import (
    DIGITS,
    TABLE,
    WINE,
    linear,
    of_digits,
    of_images,
    of_table,
    of_windows,
    windows,
)
from mixed_cases import with_gaps
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.displays import ReconstructionDisplay

draw = ReconstructionDisplay.from_estimator


def tile(display, i, j, height=8, width=8):
    """Return the pixels of one image of the sheet; one pixel is between images."""
    sheet = display.image_.get_array()
    return sheet[i * (height + 1) :, j * (width + 1) :][:height, :width]


def test_the_sheet_holds_rows_and_reconstructions():
    model = of_digits()
    display = draw(model, DIGITS, row_shape=(8, 8), rows=[5, 2])
    back = model.reconstruct(DIGITS)
    assert_allclose(tile(display, 0, 1), DIGITS[2].reshape(8, 8))
    assert_allclose(tile(display, 1, 0), back[5].reshape(8, 8))
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    mse = np.mean((back - DIGITS) ** 2)
    assert labels == ["original", f"autoencoder\nMSE {mse:.3g}"]
    assert display.errors["autoencoder"] == pytest.approx(-model.score(DIGITS))
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["5", "2"]


def test_pca_has_as_many_components_and_is_fitted_on_the_training_rows():
    X_train, X = DIGITS[:200], DIGITS[200:]
    display = draw(of_digits(), X, row_shape=(8, 8), X_train=X_train, rows=3)
    pca = PCA(4).fit(X_train)
    back = pca.inverse_transform(pca.transform(X))
    assert display.errors["PCA"] == pytest.approx(np.mean((back - X) ** 2))
    assert_allclose(tile(display, 2, 2), back[-1].reshape(8, 8))


def test_pca_beside_a_pipeline_sees_what_the_autoencoder_sees():
    scaler = StandardScaler().fit(WINE + 3)
    pipe = make_pipeline(scaler, clone(linear())).fit(10 * WINE.to_numpy())
    X = 10 * WINE.to_numpy()
    display = draw(pipe, X, X_train=X)
    scaled = StandardScaler().fit(X)
    pca = PCA(2).fit(scaled.transform(X))
    back = scaled.inverse_transform(pca.inverse_transform(pca.transform(scaled.transform(X))))
    assert_allclose(display.reconstructions["PCA"], back[display.places])


@pytest.mark.parametrize("n_channels", [3, 2])
def test_colours_are_scaled_and_other_channels_averaged(n_channels):
    X = np.random.default_rng(0).uniform(10, 90, size=(2, 4, 5, n_channels))
    display = ReconstructionDisplay.from_predictions(X, X / 2)
    found = tile(display, 0, 1, 4, 5)
    if n_channels == 3:
        assert_allclose(found, (X[1] - X.min()) / (X.max() - X.min()))
    else:
        assert_allclose(found, X[1].mean(axis=-1))


def test_images_and_windows_are_told_by_the_network():
    images = draw(of_images(), DIGITS.reshape(-1, 8, 8), rows=2)
    assert (images.kind, images.rows.shape) == ("image", (2, 8, 8))
    signals = draw(of_windows(), windows(), rows=2)
    assert (signals.kind, signals.rows.shape) == ("signal", (2, 16, 2))
    # A flat table of images, to a network that knows their shape.
    network = of_images().network_
    flat = AutoencoderTransformer(2, network=network, max_iter=1).fit(DIGITS[:50])
    assert draw(flat, DIGITS[:50], rows=2).rows.shape == (2, 8, 8)


def test_signals_are_lines_channel_by_channel():
    X = windows()
    display = draw(of_windows(), X, rows=[7, 3], X_train=X)
    assert display.axes_.shape == (2, 2)
    back = of_windows().reconstruct(X)
    # Channel 1 of the first row.
    line = display.lines_["autoencoder"][2]
    assert line.axes is display.axes_[1, 0]
    assert_allclose(line.get_ydata(), back[7, :, 1])
    assert_allclose(display.lines_["original"][2].get_ydata(), X[7, :, 1])
    assert list(display.lines_) == ["original", "autoencoder", "PCA"]


def test_a_row_of_one_channel_is_a_signal():
    display = ReconstructionDisplay.from_predictions(DIGITS, DIGITS + 1, row_shape=64, rows=1)
    (line,) = display.lines_["reconstruction"]
    assert_allclose(line.get_ydata(), DIGITS[0] + 1)
    assert display.errors == {"reconstruction": 1.0}


def test_cells_of_a_table_say_what_was_found_and_what_came_back():
    model = of_table()
    display = draw(model, TABLE, rows=[3])
    back = model.reconstruct(TABLE)
    texts = dict(zip(display.columns, display.texts_, strict=True))
    city = list(TABLE).index("city")
    assert texts[city].get_text() == f"{TABLE['city'].iloc[3]}\n→ {back['city'].iloc[3]}"
    since = list(TABLE).index("since")
    assert texts[since].get_text().split("\n")[0] == f"{TABLE['since'].iloc[3]:%Y-%m-%d}"


def test_colours_of_cells_are_differences_in_standard_deviations():
    model = of_table()
    display = draw(model, TABLE)
    back = model.reconstruct(TABLE)
    by_column = {}
    for name in ("age", "income", "since"):
        found, answer = TABLE[name].astype("int64"), back[name].astype("int64")
        by_column[name] = (answer - found).abs() / found.std(ddof=0)
    for name in ("city", "member", "grade"):
        by_column[name] = (back[name] != TABLE[name]).astype(float)
    expected = pd.DataFrame(by_column)[list(TABLE)]
    worst = expected.mean().sort_values(ascending=False)
    drawn = [display.column_names[column] for column in display.columns]
    assert_allclose(worst[drawn], worst)
    places = expected.iloc[display.places][drawn]
    assert_allclose(display.image_.get_array(), places, rtol=1e-3, atol=1e-9)


def test_a_gap_has_no_difference():
    X = with_gaps(TABLE)
    model = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(X)
    display = draw(model, X, rows=range(20))
    gaps = X.isna().to_numpy()[:20]
    assert gaps.any()
    assert np.array_equal(np.isnan(display.cell_errors), gaps)
    assert any(text.get_text().startswith("missing\n") for text in display.texts_)


@pytest.mark.parametrize("container", [pl.from_pandas, lambda table: table.to_numpy()])
def test_containers_of_a_table(container):
    X = container(TABLE.astype({"grade": str}))
    model = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(X)
    display = draw(model, X)
    expected = model.reconstruct(X)["city"] if container is pl.from_pandas else None
    cities = display.reconstructions["autoencoder"].iloc[:, 2]
    assert set(cities) <= {"Rome", "Oslo", "Bonn"}
    if expected is not None:
        assert cities.tolist() == [expected[int(i)] for i in display.places]


def test_sparse_rows_and_wide_tables():
    display = draw(of_digits(), sparse.csr_array(DIGITS), rows=2)
    assert display.kind == "table"
    assert len(display.columns) == 6
    assert len(display.texts_) == 12


def test_errors_are_of_a_sample_and_say_so():
    display = draw(of_digits(), DIGITS, row_shape=(8, 8), max_samples=50, random_state=0, rows=4)
    assert display.share == "50 of 300 rows"
    assert display.ax_.get_xlabel() == "row of X (MSE: 50 of 300 rows)"
    assert draw(of_digits(), DIGITS, row_shape=(8, 8)).share == ""
    # Rows that are asked for are drawn, whatever the sample is.
    asked = draw(of_digits(), DIGITS, row_shape=(8, 8), max_samples=5, rows=[-1])
    assert_allclose(asked.rows[0], DIGITS[-1].reshape(8, 8))


def test_what_cannot_be_drawn_is_refused():
    model = of_digits()
    with pytest.raises(NotFittedError):
        draw(AutoencoderTransformer(), DIGITS)
    with pytest.raises(TypeError, match=r"with transform and inverse_transform, .* got type"):
        draw(type("type", (), {})(), DIGITS)
    pairs = DenoisingAutoencoder(2, max_iter=1, random_state=0).fit(DIGITS, DIGITS + 1)
    with pytest.raises(ValueError, match="was fitted on pairs"):
        draw(pairs, DIGITS)
    with pytest.raises(ValueError, match="X has 63 features"):
        draw(model, DIGITS[:, 1:])
    with pytest.raises(ValueError, match="X has no rows"):
        draw(model, DIGITS[:0])
    with pytest.raises(ValueError, match=r"row_shape=\(8, 7\) has 56 values, but .* 64"):
        draw(model, DIGITS, row_shape=(8, 7))
    with pytest.raises(ValueError, match="kind must be one of 'auto', 'image', 'signal', 'table'"):
        draw(model, DIGITS, kind="picture")
    with pytest.raises(ValueError, match=r"cannot be drawn as images. Set row_shape"):
        draw(model, DIGITS, kind="image")
    with pytest.raises(ValueError, match=r"from 0 to 299, got \[300\]"):
        draw(model, DIGITS, rows=[300])
    with pytest.raises(ValueError, match="PCA takes numbers only, and column 'city'"):
        draw(of_table(), TABLE, X_train=TABLE)
    with pytest.raises(ValueError, match=r"shape \(300, 64\) and X_reconstructed \(2, 64\)"):
        ReconstructionDisplay.from_predictions(DIGITS, DIGITS[:2])
    with pytest.raises(TypeError, match="ax must be one Axes"):
        draw(model, DIGITS, row_shape=(8, 8), ax=plt)


def test_times_of_day_differ_by_seconds():
    times = pd.to_datetime(["2020-01-01 09:00", "2020-01-01 10:00", "2020-01-01 11:00"])
    X = pd.DataFrame({"at": times.time, "n": [1.0, 2, 3]})
    back = X.assign(at=(times + pd.Timedelta(minutes=30)).time)
    display = ReconstructionDisplay.from_predictions(X, back)
    # In standard deviations of the column.
    assert_allclose(display.cell_errors[:, 0], 1800 / np.std([0, 3600, 7200]))
