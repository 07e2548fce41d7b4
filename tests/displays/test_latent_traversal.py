"""What single components do: decoded rows of codes that move over their quantiles."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from display_cases import (
    CLASSES,
    DIGITS,
    TABLE,
    of_digits,
    of_images,
    of_table,
    of_windows,
    windows,
)
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, VariationalAutoencoder
from skae.displays import LatentTraversalDisplay

draw = LatentTraversalDisplay.from_estimator


def moved(model, X, component, quantiles):
    """Return codes at their medians, but for one that moves."""
    codes = model.transform(X)
    at = np.tile(np.median(codes, axis=0), (len(quantiles), 1))
    at[:, component] = np.quantile(codes[:, component], quantiles)
    return at


def test_each_row_of_the_sheet_moves_one_code():
    model, steps = of_digits(), [0.1, 0.5, 0.9]
    display = draw(
        model, DIGITS, row_shape=(8, 8), n_steps=3, quantiles=(0.1, 0.9), components=[2, 0]
    )
    expected = model.inverse_transform(moved(model, DIGITS, 2, steps)).reshape(3, 8, 8)
    assert_allclose(display.decoded[0], expected)
    assert_allclose(display.codes[0], moved(model, DIGITS, 2, steps)[:, 2])
    sheet = display.image_.get_array()
    assert sheet.shape == (2 * 9 - 1, 3 * 9 - 1)
    assert_allclose(sheet[:8, 9:17], expected[1])
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["code 2", "code 0"]
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["10%", "50%", "90%"]
    # At the medians of all codes both rows hold the same image.
    assert_allclose(display.decoded[0, 1], display.decoded[1, 1])


def test_signals_are_lines_over_each_other():
    model, X = of_windows(), windows()
    display = draw(model, X, n_steps=3)
    expected = model.inverse_transform(moved(model, X, 1, display.quantiles))
    # The lines of a component go channel by channel.
    line = display.lines_[1][3 + 2]
    assert line.axes is display.axes_[1, 1]
    assert_allclose(line.get_ydata(), expected[2, :, 1], rtol=1e-5)
    assert line.get_label() == "95%"


def test_tables_show_the_columns_that_change_most():
    model = of_table()
    display = draw(model, TABLE, n_steps=3)
    expected = model.inverse_transform(moved(model, TABLE, 0, display.quantiles))
    cells = np.array([text.get_text() for text in display.texts_]).reshape(2, 4, 3)
    drawn = [display.column_names[column] for column in display.columns_[0]]
    assert len(drawn) == 4
    assert "city" in drawn
    assert cells[0, drawn.index("city")].tolist() == expected["city"].tolist()
    middle = model.inverse_transform(np.median(model.transform(TABLE), axis=0)[None])
    change = (expected["age"] - middle["age"].iloc[0]).abs() / TABLE["age"].std(ddof=0)
    age = display.column_names.index("age")
    assert_allclose(display.changes[0][:, age], change)
    other = expected["grade"].astype(str) != str(middle["grade"].iloc[0])
    assert_allclose(display.changes[0][:, display.column_names.index("grade")], other)
    largest = display.changes[0].max(axis=0)
    assert largest[display.columns_[0]].tolist() == sorted(largest, reverse=True)[:4]
    assert_allclose(display.image_[0].get_array(), display.changes[0][:, display.columns_[0]].T)


def test_pipelines_and_pca_are_decoded_too():
    pipe = make_pipeline(StandardScaler(), PCA(2)).fit(DIGITS)
    display = draw(pipe, DIGITS, row_shape=(8, 8))
    expected = pipe.inverse_transform(moved(pipe, DIGITS, 1, display.quantiles))
    assert_allclose(display.decoded[1].reshape(7, 64), expected)


def test_a_conditional_model_decodes_a_class():
    vae = VariationalAutoencoder(2, conditional=True, max_iter=1, random_state=0)
    vae.fit(DIGITS, CLASSES)
    display = draw(vae, DIGITS, row_shape=(8, 8), y=3, n_steps=2)
    expected = vae.inverse_transform(moved(vae, DIGITS, 0, display.quantiles), 3)
    assert_allclose(display.decoded[0].reshape(2, 64), expected)
    with pytest.raises(ValueError, match="give y, one of"):
        draw(vae, DIGITS, row_shape=(8, 8))


def test_images_in_arrays_and_defaults():
    display = draw(of_images(), DIGITS.reshape(-1, 8, 8))
    assert display.decoded.shape == (3, 7, 8, 8)
    assert_allclose(display.quantiles, np.linspace(0.05, 0.95, 7))


def test_what_cannot_be_drawn_is_refused():
    model = of_digits()
    with pytest.raises(NotFittedError):
        draw(AutoencoderTransformer(), DIGITS)
    with pytest.raises(TypeError, match="LatentTraversalDisplay needs a fitted estimator"):
        draw(TABLE, TABLE)
    with pytest.raises(ValueError, match="X has 63 features"):
        draw(model, DIGITS[:, 1:])
    with pytest.raises(ValueError, match="n_steps must be an integer of at least 2, got 1"):
        draw(model, DIGITS, n_steps=1)
    with pytest.raises(ValueError, match="two rising numbers from 0 to 1"):
        draw(model, DIGITS, quantiles=(0.9, 0.1))
    with pytest.raises(ValueError, match="numbers from 0 to 3, got 4"):
        draw(model, DIGITS, components=4)
    with pytest.raises(ValueError, match="4 of them, got an array"):
        draw(of_windows(), windows(), ax=plt.subplots(3)[1])
