"""What all displays share: scikit-learn's convention, other estimators, no matplotlib."""

import inspect
import sys

import pytest
import torch
from display_cases import CLASSES, DIGITS, WINE, linear, of_digits
from numpy.testing import assert_allclose

from skae import AutoencoderClassifier, displays

DISPLAYS = [getattr(displays, name) for name in displays.__all__]
OF_ROWS = [
    displays.ComponentsDisplay,
    displays.LatentSpaceDisplay,
    displays.LatentTraversalDisplay,
    displays.ReconstructionDisplay,
]


@pytest.mark.parametrize("display", DISPLAYS)
def test_parameters_are_attributes(display):
    assert {"from_estimator", "from_predictions"} & {*vars(display)}
    marks = {name: object() for name in inspect.signature(display).parameters}
    made = display(**marks)
    assert vars(made) == marks


@pytest.mark.parametrize("display", OF_ROWS)
def test_plot_returns_the_display_and_makes_a_new_figure(display):
    made = display.from_estimator(linear(), WINE)
    first = made.figure_
    assert made.plot() is made
    assert made.figure_ is not first
    assert made.ax_.figure is made.figure_


@pytest.mark.parametrize("display", OF_ROWS)
def test_a_classifier_is_drawn_as_its_autoencoder(display):
    classifier = AutoencoderClassifier(
        of_digits(), max_iter=1, n_propagations=0, random_state=0
    ).fit(DIGITS, CLASSES)
    made = display.from_estimator(classifier, DIGITS)
    same = display.from_estimator(classifier.autoencoder_, DIGITS)
    for name, value in vars(made).items():
        if name in ("points", "sensitivities", "codes", "cell_errors"):
            assert_allclose(value, getattr(same, name))


@pytest.mark.parametrize("display", OF_ROWS)
@pytest.mark.parametrize("container", [torch.from_numpy, lambda X: X.tolist()])
def test_containers_of_rows(display, container):
    made = display.from_estimator(of_digits(), container(DIGITS[:40]))
    same = display.from_estimator(of_digits(), DIGITS[:40])
    for name, value in vars(made).items():
        if name in ("points", "sensitivities", "codes", "cell_errors"):
            assert_allclose(value, getattr(same, name))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plot\]"'):
        displays.LatentSpaceDisplay.from_estimator(of_digits(), "no rows: nothing is computed")
