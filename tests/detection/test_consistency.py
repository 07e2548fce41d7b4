"""Fitted attributes that do not go together, as a forged model file may hold them."""

from copy import deepcopy

import numpy as np
import pytest
from outlier_cases import draw, make_detector

from skae import DriftDetector

X = draw(np.random.default_rng(1), 60)


@pytest.fixture(scope="module")
def detectors():
    scorings = ("mahalanobis", "reconstruction")
    return {scoring: make_detector(scoring=scoring, n_estimators=2).fit(X) for scoring in scorings}


def test_what_fit_leaves_goes_together(detectors):
    for fitted in detectors.values():
        for detector in (fitted, deepcopy(fitted).partial_fit(X)):
            for part in (detector, detector._folds, detector._calibration, detector._reference):
                part._check_consistency()
    for score in detectors["mahalanobis"]._scores:
        score._gaussians._check_consistency()


CHANGES = {
    "fewer members": (lambda d: d.estimators_.pop(), "members"),
    "fewer scores": (lambda d: d._scores.pop(), "members"),
    "no members": (lambda d: (d.estimators_.clear(), d._scores.clear()), "members"),
    "more folds": (lambda d: setattr(d._folds, "left_out", np.array([0, 1, 2])), "members"),
    "other columns": (lambda d: setattr(d, "n_features_in_", 9), "another table"),
    "another scale": (lambda d: setattr(d._scaling, "scale", np.ones(3)), "another table"),
    "a group of others": (
        lambda d: d._calibration.add(np.array([2]), np.ones((1, 3)), np.ones(1)),
        "does not exist",
    ),
    "other held-out rows": (lambda d: setattr(d, "n_calibration_", 3), "n_calibration_=3"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_attributes_of_a_detector_must_go_together(detectors, change, message):
    forged = deepcopy(detectors["mahalanobis"])
    change(forged)
    with pytest.raises(ValueError, match=message):
        forged._check_consistency()


def test_scores_must_be_of_the_members(detectors):
    forged = deepcopy(detectors["reconstruction"])
    forged._scores[1].residual_scale_ = np.ones(3)
    with pytest.raises(ValueError, match="another table"):
        forged._check_consistency()
    forged = deepcopy(detectors["mahalanobis"])
    gaussians = forged._scores[1]._gaussians
    gaussians.coordinates_.unit_ = np.ones(3)
    with pytest.raises(ValueError, match="another table"):
        forged._check_consistency()
    with pytest.raises(ValueError, match="other numbers of values"):
        gaussians._check_consistency()
    gaussians.center_, gaussians.centers_ = np.ones(3), np.ones((0, 3))
    gaussians._check_consistency()


REFERENCES = {
    "no rows": (lambda r: setattr(r, "fold", r.fold[:0]), "none of the folds"),
    "a fold of none": (lambda r: setattr(r, "fold", r.fold - 1), "none of the folds"),
    "no weight": (lambda r: setattr(r, "weight", 0 * r.weight), "no weight"),
    "fewer folds": (lambda r: setattr(r, "n_folds", 1), "none of the folds"),
    "more folds": (lambda r: setattr(r, "n_folds", 9), "of other folds"),
    "other columns": (lambda r: setattr(r, "center", np.ones(9)), "another table"),
}


@pytest.mark.parametrize(("change", "message"), REFERENCES.values(), ids=REFERENCES)
def test_kept_rows_must_be_of_the_folds_and_of_the_table(detectors, change, message):
    forged = deepcopy(detectors["mahalanobis"])
    change(forged._reference)
    part = forged if message in ("of other folds", "another table") else forged._reference
    with pytest.raises(ValueError, match=f"rows that are kept.*{message}"):
        part._check_consistency()


def test_codes_of_a_reference_must_be_of_the_model(detectors):
    drift = DriftDetector(detectors["mahalanobis"]).fit(draw(np.random.default_rng(2), 60))
    drift._check_consistency()
    drift.codes_ = drift.codes_[:, 1:]
    with pytest.raises(ValueError, match="of 6 values"):
        drift._check_consistency()


def test_columns_of_a_reference_need_names(detectors):
    drift = DriftDetector(detectors["mahalanobis"]).fit(draw(np.random.default_rng(2), 60))
    del drift.columns_
    with pytest.raises(ValueError, match="columns without names"):
        drift._check_consistency()
