"""Losses of a training: the lines are those of the estimator, and the star is where it stopped."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from display_cases import CLASSES, DIGITS, TABLE, of_digits, of_table
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderClassifier, AutoencoderOutlierDetector, AutoencoderTransformer
from skae.displays import LossCurveDisplay

# Enough held-out rows for early stopping, and two parts of the objective.
VAE = of_digits("VariationalAutoencoder", early_stopping=True)


def drawn(display, name):
    return display.lines_[name].get_ydata()


def test_lines_are_the_curves_of_the_estimator():
    display = LossCurveDisplay.from_estimator(VAE)
    assert_allclose(drawn(display, "loss"), VAE.loss_curve_)
    assert_allclose(drawn(display, "validation_loss"), VAE.validation_loss_curve_)
    assert display.lines_["loss"].get_xdata().tolist() == [1, 2, 3]


def test_parts_add_up_to_the_objective():
    display = LossCurveDisplay.from_estimator(VAE)
    assert list(display.parts) == ["reconstruction", "kl"]
    assert_allclose(drawn(display, "reconstruction") + drawn(display, "kl"), VAE.loss_curve_)
    # In nats, as the loss is: 64 pixels of which the history has the mean.
    assert_allclose(drawn(display, "kl"), 64 * np.array(VAE.net_.history[:, "train_kl"]))


def test_penalties_have_axes_of_their_own():
    display = LossCurveDisplay.from_estimator(VAE)
    assert [one.get_ylabel() for one in display.axes_] == ["loss", "penalty"]
    assert display.lines_["kl"].axes is display.axes_[1]
    plain = LossCurveDisplay.from_estimator(of_digits())
    assert len(plain.axes_) == 1
    assert plain.parts is None


def test_the_star_is_at_the_kept_weights():
    model = of_digits(early_stopping=True, init="random")
    display = LossCurveDisplay.from_estimator(model)
    (epoch,), (loss,) = display.best_.get_data()
    assert epoch == np.argmin(model.validation_loss_curve_) + 1
    assert loss == pytest.approx(model.best_validation_loss_)
    assert display.best_.get_label() == f"kept: epoch {epoch}"


def test_the_start_may_be_what_was_kept():
    # A step that is far too long only makes things worse than PCA.
    params = {"learning_rate_init": 3.0, "max_grad_norm": None}
    worse = AutoencoderTransformer(
        2, hidden_layer_sizes=(), max_iter=2, early_stopping=True, random_state=0, **params
    ).fit(DIGITS)
    assert worse.best_validation_loss_ < min(worse.validation_loss_curve_)
    display = LossCurveDisplay.from_estimator(worse)
    assert display.best_epoch == 0
    assert display.best_.get_label() == "kept: the start"


def test_without_held_out_rows_there_is_no_star():
    display = LossCurveDisplay.from_estimator(of_digits(early_stopping=False))
    assert display.best_ is None
    assert list(display.lines_) == ["loss"]


def test_columns_are_drawn_by_name():
    model = of_table()
    display = LossCurveDisplay.from_estimator(model, kind="columns")
    assert set(display.lines_) == set(TABLE)
    assert_allclose(drawn(display, "city"), model.net_.history[:, "train_column_city"])
    # The hardest column comes first in the legend.
    last = [line.get_ydata()[-1] for line in display.lines_.values()]
    assert last == sorted(last, reverse=True)


def test_only_the_hardest_of_many_columns_are_drawn():
    losses = {f"c{i}": np.array([1.0, i / 10]) for i in range(12)}
    display = LossCurveDisplay(epochs=np.array([1, 2]), loss=np.ones(2), column_losses=losses)
    display.plot("columns")
    assert list(display.lines_) == [f"c{i}" for i in range(11, 3, -1)]
    assert display.ax_.get_title() == "The hardest 8 of 12 columns"


def test_a_classifier_shows_the_loss_of_labels():
    classifier = AutoencoderClassifier(
        of_digits(), max_iter=2, early_stopping=True, n_propagations=0, random_state=0
    ).fit(DIGITS, CLASSES)
    display = LossCurveDisplay.from_estimator(classifier)
    assert_allclose(drawn(display, "loss"), classifier.loss_curve_)
    assert_allclose(drawn(display, "validation_loss"), classifier.validation_loss_curve_)
    assert display.lines_["validation_loss"].get_label() == "held-out labels"
    before = LossCurveDisplay.from_estimator(classifier.autoencoder_)
    assert_allclose(drawn(before, "loss"), of_digits().loss_curve_)


def test_a_pipeline_shows_its_last_step():
    pipe = make_pipeline(StandardScaler(), AutoencoderTransformer(2, max_iter=1)).fit(
        TABLE[["age"]]
    )
    display = LossCurveDisplay.from_estimator(pipe)
    assert_allclose(drawn(display, "loss"), pipe[-1].loss_curve_)
    # One epoch makes no line: a point shows it.
    assert display.lines_["loss"].get_marker() == "o"


def test_a_search_shows_its_best_estimator():
    model = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0)
    search = GridSearchCV(make_pipeline(model), {}, cv=2).fit(DIGITS[:50])
    display = LossCurveDisplay.from_estimator(search)
    assert_allclose(drawn(display, "loss"), search.best_estimator_[-1].loss_curve_)


def test_given_axes_are_used():
    figure, axes = plt.subplots(1, 2)
    display = LossCurveDisplay.from_estimator(of_digits(), ax=axes[0], linewidth=4)
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert display.lines_["loss"].get_linewidth() == 4
    both = LossCurveDisplay.from_estimator(VAE, ax=axes)
    assert both.axes_.tolist() == axes.tolist()
    # One is divided into two.
    _, ax = plt.subplots()
    divided = LossCurveDisplay.from_estimator(VAE, ax=ax)
    assert len(divided.axes_) == 2
    assert not ax.axison


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(AutoencoderTransformer())
    with pytest.raises(TypeError, match="StandardScaler keeps no losses"):
        LossCurveDisplay.from_estimator(StandardScaler().fit(DIGITS))
    detector = AutoencoderOutlierDetector(of_digits(), n_estimators=2, random_state=0)
    with pytest.raises(TypeError, match="AutoencoderOutlierDetector keeps no losses"):
        LossCurveDisplay.from_estimator(detector.fit(DIGITS[:60]))
    with pytest.raises(ValueError, match="There are no losses of columns"):
        LossCurveDisplay.from_estimator(VAE, kind="columns")
    with pytest.raises(ValueError, match="kind must be 'objective' or 'columns', got 'column'"):
        LossCurveDisplay.from_estimator(VAE, kind="column")
    with pytest.raises(TypeError, match="ax must be one Axes of matplotlib or None, got Figure"):
        LossCurveDisplay.from_estimator(of_digits(), ax=plt.figure())
    with pytest.raises(ValueError, match=r"2 of them, got an array of shape \(3,\)"):
        LossCurveDisplay.from_estimator(VAE, ax=plt.subplots(3)[1])
    with pytest.raises(ValueError, match="placed by hand"):
        LossCurveDisplay.from_estimator(VAE, ax=plt.figure().add_axes((0, 0, 1, 1)))
