"""Sensitivities of columns to codes: derivatives, in standard deviations of both."""

import numpy as np
import pytest
import torch
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
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae import AutoencoderTransformer
from skae.displays import ComponentsDisplay

draw = ComponentsDisplay.from_estimator


def test_a_linear_decoder_has_its_weights():
    pca = PCA(3).fit(WINE.to_numpy())
    display = draw(pca, WINE.to_numpy())
    codes = pca.transform(WINE.to_numpy())
    expected = np.abs(pca.components_) * codes.std(axis=0)[:, None] / WINE.to_numpy().std(axis=0)
    assert_allclose(display.sensitivities, expected, rtol=1e-6)


def test_a_deep_decoder_has_the_derivatives_of_autograd():
    model = of_digits(init="random", activation="tanh")
    X = DIGITS[:20]
    display = draw(model, X, row_shape=(8, 8))
    codes = torch.tensor(model.transform(X), dtype=torch.float32)
    module = model.net_.module_
    jacobian = torch.func.vmap(torch.func.jacrev(lambda z: module.decode(z[None])[0]))(codes)
    absolute = jacobian.detach().abs().mean(dim=0).numpy().T * model.scale_
    spread = X.std(axis=0)
    expected = absolute * codes.numpy().std(axis=0)[:, None] / np.where(spread > 0, spread, 1)
    assert_allclose(display.sensitivities, expected, rtol=2e-2, atol=1e-3)


def test_categories_and_whole_numbers_jump():
    model = of_table()
    display = draw(model, TABLE)
    codes = model.transform(TABLE)
    move = np.array([0, codes[:, 1].std() / 2])
    low, high = (model.inverse_transform(codes + sign * move) for sign in (-1, 1))
    at = dict(zip(display.column_names, display.sensitivities[1], strict=True))
    assert at["city"] == pytest.approx((low["city"] != high["city"]).mean())
    age = (low["age"] - high["age"]).abs().mean() / TABLE["age"].std(ddof=0)
    assert at["age"] == pytest.approx(age)
    assert at["income"] > 0


def test_the_heat_map_names_columns_and_writes_numbers():
    display = draw(linear(), WINE)
    names = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert sorted(names) == sorted(WINE.columns)
    assert names == [display.column_names[column] for column in display.columns_]
    shown = display.sensitivities[:, display.columns_]
    assert_allclose(display.image_.get_array(), shown)
    assert [text.get_text() for text in display.texts_] == [f"{v:.2f}" for v in shown.ravel()]
    # Columns stand with the code that moves them most.
    assert np.array_equal(shown.argmax(axis=0), np.sort(shown.argmax(axis=0)))


def test_wide_tables_show_the_most_sensitive_columns():
    display = draw(of_digits(), DIGITS)
    assert len(display.columns_) == 20
    assert display.ax_.get_title() == "the 20 most sensitive of 64 columns"
    largest = display.sensitivities.max(axis=0)
    assert set(largest[display.columns_]) == set(np.sort(largest)[-20:])


def test_images_are_maps_of_pixels():
    display = draw(of_images(), DIGITS.reshape(-1, 8, 8)[:50])
    sheet = display.image_.get_array()
    assert_allclose(sheet[:8, 9:17], display.sensitivities[1].reshape(8, 8))
    many = ComponentsDisplay(
        sensitivities=np.arange(10.0)[:, None] * np.ones(6),
        components=np.arange(10),
        column_names=list("abcdef"),
        kind="image",
        row_shape=(2, 3),
    ).plot()
    # Eight beside each other; those that are left begin a new line.
    assert_allclose(many.image_.get_array()[3:5, :3], 8.0)
    labels = [text.get_text() for text in many.ax_.get_yticklabels()]
    assert labels == ["code 0\nto 7", "code 8\nto 9"]


def test_signals_have_a_map_for_each_channel():
    display = draw(of_windows(), windows())
    assert display.axes_.shape == (1, 2)
    maps = display.sensitivities.reshape(2, 16, 2)
    assert_allclose(display.image_[1].get_array(), maps[:, :, 1])


def test_some_components_at_some_rows():
    display = draw(linear(), WINE, components=1, max_samples=30, random_state=0)
    assert display.sensitivities.shape == (1, 13)
    assert display.ax_.get_title() == "at 30 of 178 rows"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NotFittedError):
        draw(AutoencoderTransformer(), DIGITS)
    with pytest.raises(ValueError, match="X has 63 features"):
        draw(of_digits(), DIGITS[:, 1:])
    with pytest.raises(ValueError, match="components must be numbers from 0 to 1"):
        draw(linear(), WINE, components=[0, 2])
    with pytest.raises(TypeError, match="ax must be one Axes"):
        draw(linear(), WINE, ax="axes")
