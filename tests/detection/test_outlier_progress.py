"""Progress bars of the outlier detector: one over a fit, one over many rows, or none at all."""

import re

import numpy as np
import pytest
from outlier_cases import LINEAR, answers, assert_same, draw, make_detector
from sklearn.base import clone

from skae import AutoencoderTransformer
from skae.detection import _fitted_detector

X = draw(np.random.default_rng(0), 100)


@pytest.fixture
def few_rows(monkeypatch):
    """As if 30 rows were many."""
    monkeypatch.setattr(_fitted_detector, "_ROWS", 30)


def bars(terminal):
    """Return name, and last count and total, of each bar on stderr; nothing else is printed."""
    out, err = terminal.readouterr()
    assert out == ""
    states = re.findall(r"\r(\w+): +\d+%\S* (\d+)/(\d+) \[", err)
    assert bool(states) == bool(err)
    last = {}
    for name, count, total in states:
        last[name, int(total)] = int(count)
    return last


def of_epochs(max_iter, **params):
    return clone(LINEAR).set_params(max_iter=max_iter, early_stopping=False, **params)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_fit_is_one_bar_over_all_members(optimizer, terminal):
    make_detector(of_epochs(7, optimizer=optimizer), verbose=1).fit(X)
    assert bars(terminal) == {("fit", 14): 14}


def test_epochs_that_early_stopping_saves_are_done(terminal):
    params = {"early_stopping": True, "learning_rate": "constant", "tol": 0.5}
    autoencoder = AutoencoderTransformer(2, max_iter=500, n_iter_no_change=2, **params)
    detector = make_detector(autoencoder, verbose=1).fit(X)
    assert sum(member.n_iter_ for member in detector.estimators_) < 1000
    assert bars(terminal) == {("fit", 1000): 1000}


@pytest.mark.parametrize("method", ["score_samples", "predict", "p_values", "select"])
def test_many_rows_are_a_bar(method, few_rows, terminal):
    detector = make_detector(verbose=1).fit(X)
    bars(terminal)
    getattr(detector, method)(X[:70])
    assert bars(terminal) == {("score", 70): 70}
    getattr(detector, method)(X[:30])
    assert bars(terminal) == {}


def test_a_fit_and_a_recalibration_are_a_bar_each(few_rows, terminal):
    detector = make_detector(verbose=1, contamination=0.1).fit(X)
    assert bars(terminal) == {("fit", 10): 10}
    detector.recalibrate(X[:50])
    assert bars(terminal) == {("score", 50): 50}


def test_bars_change_no_answer_and_without_verbose_there_are_none(few_rows, terminal):
    silent = make_detector(contamination=0.1).fit(X)
    of_silent = answers(silent, X)
    silent.recalibrate(X[:50])
    silent.partial_fit(X)
    silent.explain(X[:5])
    assert bars(terminal) == {}
    assert_same(of_silent, answers(make_detector(contamination=0.1, verbose=1).fit(X), X))


def test_members_show_bars_only_if_they_are_asked_to(terminal):
    make_detector(of_epochs(4, verbose=1)).fit(X)
    assert bars(terminal) == {("fit", 4): 4}
