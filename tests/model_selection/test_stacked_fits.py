"""Searches whose fits train as one stack: the results of serial ones, with few meetings."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import _meeting
from skae.model_selection import stacked_fits

X = load_digits().data[:240]
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
AE = AutoencoderTransformer(**SMALL)
# At higher rates Adam makes more of the rounding of sums.
GRID = {"n_components": [2, 3], "learning_rate_init": [5e-4, 2e-3]}


@pytest.fixture
def meetings(monkeypatch):
    """The numbers of trainings that met."""
    sizes, train = [], _meeting.train_in_lockstep

    def counted(trainings, *arguments):
        sizes.append(len(trainings))
        train(trainings, *arguments)

    monkeypatch.setattr(_meeting, "train_in_lockstep", counted)
    return sizes


def scores(search):
    results = search.cv_results_
    return np.array([results[f"split{i}_test_score"] for i in range(search.n_splits_)])


@pytest.mark.parametrize(
    ("n_fits", "expected"), [(16, [16]), (8, [8, 8]), (6, [6, 6, 4]), (50, [16])]
)
def test_a_search_gives_the_results_of_a_serial_one(meetings, n_fits, expected):
    serial = GridSearchCV(AE, GRID, cv=4).fit(X)
    assert meetings == []
    with stacked_fits(n_fits):
        stacked = GridSearchCV(AE, GRID, cv=4).fit(X)
    assert meetings == expected
    assert_allclose(scores(stacked), scores(serial), rtol=1e-5)
    assert stacked.best_params_ == serial.best_params_
    assert_allclose(stacked.transform(X), serial.transform(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        DenoisingAutoencoder(2, noise="gaussian", **SMALL),
        VariationalAutoencoder(2, **SMALL),
        make_pipeline(StandardScaler(), AE),
        AutoencoderOutlierDetector(AE, n_estimators=2, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_other_estimators_give_the_scores_of_serial_fits(model):
    """The variational one takes turns; the detector stacks its own members."""

    def mean_score(model, X, y=None):
        return model.score_samples(X).mean()

    serial = cross_validate(model, X, cv=3, scoring=mean_score)["test_score"]
    with stacked_fits(3):
        stacked = cross_validate(model, X, cv=3, scoring=mean_score)["test_score"]
    assert_allclose(stacked, serial, rtol=1e-4)


def test_folds_of_other_sizes_and_random_candidates(meetings):
    """240 rows in seven folds: training sets of two sizes, which are two stacks."""
    make = RandomizedSearchCV(AE, GRID, n_iter=3, cv=7, random_state=0, refit=False)
    serial = scores(make.fit(X))
    with stacked_fits(21):
        assert_allclose(scores(make.fit(X)), serial, rtol=1e-5)
    assert meetings == [21]


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
@pytest.mark.parametrize("bad", [1e30, -1.0], ids=["while it trains", "before"])
def test_a_candidate_that_fails_does_so_alone(bad):
    grid = {"learning_rate_init": [1e-3, bad, 2e-3]}
    search = GridSearchCV(AE, grid, cv=3, refit=False)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        serial = scores(search.fit(X))
    with stacked_fits(9), pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        stacked = scores(search.fit(X))
    assert np.isnan(stacked[:, 1]).all()
    assert_allclose(stacked, serial, rtol=1e-5)


def test_an_error_is_raised_where_it_is_asked_for():
    search = GridSearchCV(AE, {"learning_rate_init": [1e-3, 1e30]}, cv=3, error_score="raise")
    with stacked_fits(6), pytest.raises(ValueError, match="learning_rate_init"):
        search.fit(X)


def test_one_fit_alone_is_no_meeting():
    with pytest.raises(ValueError, match="n_fits == 1, must be >= 2"), stacked_fits(1):
        pass


def test_the_keyboard_ends_a_search():
    code = """
import sys, time, threading, _thread
import numpy as np
from sklearn.model_selection import GridSearchCV
from skae import AutoencoderTransformer
from skae.model_selection import stacked_fits
X = np.random.default_rng(0).normal(size=(200, 5))
ae = AutoencoderTransformer(2, max_iter=100_000, early_stopping=False)
with stacked_fits(4):
    print("begins", flush=True)
    GridSearchCV(ae, {"learning_rate_init": [1e-4, 1e-3]}, cv=4).fit(X)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "begins\n"
        # In time to be at the dispatch, at a training, or between both.
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
