"""Pickles and skops' files of the outlier detector hold what it needs, and no more."""

import pickle

import numpy as np
import pytest
import skops.io
from outlier_cases import LINEAR, answers, assert_same, draw, make_detector
from sklearn.base import clone

from skae.persistence import TRUSTED_TYPES

RNG = np.random.default_rng(0)
X, NEW = draw(RNG, 100), draw(RNG, 60)


def with_epochs(n_epochs):
    return clone(LINEAR).set_params(max_iter=n_epochs, early_stopping=False)


@pytest.mark.parametrize("write", [pickle.dumps, skops.io.dumps], ids=["pickle", "skops"])
def test_files_do_not_grow_with_training(write):
    few, many = (make_detector(with_epochs(n)).fit(X) for n in (2, 40))
    assert len(write(many)) == pytest.approx(len(write(few)), rel=0.02)
    assert [member.n_iter_ for member in many.estimators_] == [40, 40]
    # The control: an autoencoder keeps its history.
    few, many = (with_epochs(n).fit(X) for n in (2, 40))
    assert len(write(many)) > 1.3 * len(write(few))


def test_training_goes_on_as_if_nothing_was_forgotten(monkeypatch):
    forgetful = make_detector(with_epochs(3)).fit(X)
    through_skops = skops.io.loads(skops.io.dumps(forgetful), trusted=TRUSTED_TYPES)
    through_pickle = pickle.loads(pickle.dumps(forgetful))
    monkeypatch.setattr("skae.detection._fitted_detector.forget_training", lambda members: None)
    expected = make_detector(with_epochs(3)).fit(X)
    assert len(expected.estimators_[0].net_.history) == 3
    for rows in np.split(NEW, 2):
        expected.partial_fit(rows)
        monkeypatch.undo()
        for detector in (forgetful, through_skops, through_pickle):
            assert_same(answers(expected, X), answers(detector.partial_fit(rows), X))
            assert [member.n_iter_ for member in detector.estimators_] == [
                member.n_iter_ for member in expected.estimators_
            ]
