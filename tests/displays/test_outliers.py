"""Scores, p-values and one row: what is drawn is what the detector answers."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pytest
from display_cases import DIGITS, TABLE, WINE, of_images, of_table, of_windows, windows
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderOutlierDetector, DenoisingAutoencoder
from skae.displays import OutlierDisplay

draw = OutlierDisplay.from_estimator
SMALL = {"n_estimators": 2, "cv": 2, "random_state": 0}
IMAGES = DIGITS[:80].reshape(-1, 8, 8)[:, ::2, ::2]


def wrong_wine():
    """Return wine with a cell that contradicts the others."""
    X = WINE.copy()
    X.iloc[3, 0] = -9.0
    return X


@cache
def of_wine():
    autoencoder = DenoisingAutoencoder(3, hidden_layer_sizes=(16,), max_iter=5)
    return AutoencoderOutlierDetector(autoencoder, **SMALL).fit(WINE[:150])


@cache
def detector_of(kind):
    autoencoder, rows = {
        "table": (of_table, TABLE),
        "images": (of_images, IMAGES),
        "windows": (of_windows, windows()),
    }[kind]
    return AutoencoderOutlierDetector(clone(autoencoder()), **SMALL).fit(rows)


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def test_a_search_shows_its_best_estimator():
    detector = clone(of_wine()).set_params(n_estimators=1)
    pipe = make_pipeline(StandardScaler(), detector)
    search = GridSearchCV(pipe, {}, scoring=lambda *_: 0.0, cv=2).fit(WINE[:100])
    assert_allclose(draw(search, WINE).scores, search.best_estimator_.score_samples(WINE))


def test_bars_count_outliers_below_the_threshold():
    detector, X = of_wine(), wrong_wine()
    display = draw(detector, X)
    labels = detector.predict(X)
    ordinary, outliers = map(heights, display.bars_)
    assert ordinary.sum() == (labels == 1).sum()
    assert outliers.sum() == (labels == -1).sum() > 0
    assert_allclose(display.scores, detector.score_samples(X))
    assert display.threshold_.get_xdata() == [detector.offset_] * 2


def test_p_values_are_counted_beside_what_is_expected():
    display = draw(of_wine(), WINE)
    expected = np.histogram(of_wine().p_values(WINE), bins=20, range=(0, 1))[0]
    assert heights(display.p_value_bars_).tolist() == expected.tolist()
    (line,) = display.axes_[1].lines
    assert line.get_ydata() == [len(WINE) / 20] * 2


def test_the_most_unusual_row_is_explained():
    detector, X = of_wine(), wrong_wine()
    display = draw(detector, X)
    assert display.row == detector.score_samples(X).argmin() == 3
    assert display.row_.get_xdata() == [pytest.approx(detector.score_samples(X[3:4])[0])]
    expected = detector.explain(X[3:4])["share"].iloc[0].sort_values()
    assert_allclose([bar.get_width() for bar in display.cell_bars_], -expected[:8])
    first = display.axes_[2].get_yticklabels()[0].get_text()
    answer = detector.explain(X[3:4])["expected"].iloc[0]["alcohol"]
    assert first == f"alcohol: -9\nexpected {answer:.3g}"


def test_another_row_may_be_asked_for():
    display = draw(of_wine(), WINE, row=-1)
    assert display.row == 177
    assert_allclose(display.explanation["found"], WINE.iloc[-1])
    assert display.explanation["share"].sum() == pytest.approx(display.row_score)


def test_categories_are_found_and_expected():
    X = TABLE.copy()
    X.iloc[7, list(X).index("city")] = "Rome"
    display = draw(detector_of("table"), X, row=7)
    wide = detector_of("table").explain(X[7:8])
    assert display.explanation.loc["city", "found"] == "Rome"
    assert display.explanation.loc["city", "expected"] == wide["expected"].iloc[0]["city"]
    texts = [label.get_text() for label in display.axes_[2].get_yticklabels()]
    assert f"city: Rome\nexpected {wide['expected'].iloc[0]['city']}" in texts


def test_images_are_found_expected_and_marked():
    display = draw(detector_of("images"), IMAGES, row=4)
    assert display.cell_bars_ is None
    sheet = display.image_.get_array()
    assert_allclose(sheet[:, :4], IMAGES[4])
    wide = detector_of("images").explain(IMAGES[4:5])
    assert_allclose(sheet[:, 5:9], wide["expected"].to_numpy().reshape(4, 4))
    shares = wide["share"].to_numpy().reshape(4, 4)
    brightest = np.unravel_index(np.argmax(sheet[:, 10:]), (4, 4))
    assert shares[brightest] == shares.min()


def test_cells_of_windows_have_places():
    display = draw(detector_of("windows"), windows())
    first = display.explanation["share"].idxmin()
    label = display.axes_[2].get_yticklabels()[0].get_text()
    assert label.startswith(f"{first[0]}, {first[1]}: ")


def test_a_pipeline_explains_in_the_unit_of_the_detector():
    X = 10 * WINE + 3
    scaler = StandardScaler().set_output(transform="pandas")
    pipe = make_pipeline(scaler, clone(of_wine())).fit(X[:150])
    display = draw(pipe, X, row=5)
    assert_allclose(display.scores, pipe.score_samples(X))
    assert_allclose(display.explanation["found"], pipe[0].transform(X).iloc[5])


def test_a_sample_is_drawn_and_says_so():
    display = draw(of_wine(), WINE, max_samples=50, random_state=0)
    assert len(display.scores) == 50
    assert display.axes_[0].get_title() == "Scores (50 of 178 rows)"
    # The row that is explained is a place in all rows.
    assert of_wine().score_samples(WINE[display.row :][:1])[0] == pytest.approx(display.row_score)
    assert display.row_score == pytest.approx(display.scores.min())


def test_impossible_rows_stand_at_the_left_end():
    display = draw(of_wine(), WINE)
    scores = np.append(display.scores, -np.inf)
    again = OutlierDisplay(
        scores=scores,
        threshold=display.threshold,
        p_values=display.p_values,
        row=178,
        row_score=-np.inf,
        explanation=display.explanation,
    ).plot()
    assert sum(heights(bars).sum() for bars in again.bars_) == 179
    assert again.row_.get_xdata() == [display.scores.min()]


def test_given_axes_are_used():
    figure, axes = plt.subplots(1, 3)
    assert draw(of_wine(), WINE, ax=axes).axes_.tolist() == axes.tolist()
    divided = draw(of_wine(), WINE, ax=plt.subplots()[1])
    assert len(divided.axes_) == 3
    assert divided.figure_ is not figure


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NotFittedError):
        draw(AutoencoderOutlierDetector(), WINE)
    with pytest.raises(TypeError, match="got IsolationForest, which has no p_values"):
        draw(IsolationForest().fit(DIGITS), DIGITS)
    with pytest.raises(ValueError, match="feature names should match"):
        draw(of_wine(), WINE.iloc[:, 1:])
    with pytest.raises(ValueError, match="row must be a place in X, from 0 to 177, got 178"):
        draw(of_wine(), WINE, row=178)
    with pytest.raises(ValueError, match="3 of them, got an array"):
        draw(of_wine(), WINE, ax=plt.subplots(2)[1])
