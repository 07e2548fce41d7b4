"""What the drift detector refuses: parameters, rows and models."""

import numpy as np
import pytest
from drift_cases import FEW, draw, independent
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, DriftDetector


def test_a_model_that_is_not_fitted(heldout):
    for model in (AutoencoderTransformer(), make_pipeline(AutoencoderTransformer())):
        with pytest.raises(NotFittedError, match=r"model is not fitted.*model.fit\(X_train\)"):
            DriftDetector(model).fit(heldout)


def test_a_detector_that_is_not_fitted(model, batch):
    with pytest.raises(NotFittedError, match="DriftDetector instance is not fitted yet"):
        DriftDetector(model).test(batch)


BAD_PARAMETERS = [
    ({"model": StandardScaler()}, "'model' parameter.*'score_samples' and 'transform'"),
    ({"model": None}, "'model' parameter"),
    ({"alpha": 0.0}, "'alpha' parameter"),
    ({"alpha": 1.0}, "'alpha' parameter"),
    ({"alpha": "5%"}, "'alpha' parameter"),
    ({"n_permutations": 0}, "'n_permutations' parameter"),
    ({"n_permutations": 59}, "n_permutations=59 .*alpha=0.05.*n_permutations=60"),
    ({"alpha": 1e-3}, "n_permutations=99 .*alpha=0.001.*n_permutations=3000"),
    ({"window": 0}, "'window' parameter"),
    ({"max_samples": 1}, "'max_samples' parameter"),
    ({"max_samples": 0.5}, "'max_samples' parameter"),
    ({"random_state": "no"}, "'random_state' parameter"),
]


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS, ids=str)
def test_bad_parameters(model, heldout, batch, params, message):
    with pytest.raises(ValueError, match=message):
        DriftDetector(**{"model": model} | FEW | params).fit(heldout)
    # Set after fit, they are refused as well, and can be set back.
    detector = DriftDetector(model, **FEW).fit(heldout)
    before, good = detector.test(batch).tests, detector.get_params()
    with pytest.raises(ValueError, match=message):
        detector.set_params(**params).test(batch)
    assert_frame_equal(detector.set_params(**good).test(batch).tests, before)


def test_just_enough_permutations_can_find_drift(model_of_independent):
    rng = np.random.default_rng(0)
    detector = DriftDetector(model_of_independent, n_permutations=60, random_state=0)
    detector.fit(independent(rng, 300))
    tests = detector.test(independent(rng, 300, correlation=0.99)).tests
    assert tests.loc["codes", "p_value"] == 1 / 61
    assert list(tests.index[tests["drift"]]) == ["codes"]


def with_value(value):
    rows = draw(np.random.default_rng(4), 100)
    rows[3, 1] = value
    return rows


BAD_ROWS = [
    (with_value(np.inf), "contains infinity"),
    (with_value(1e300), "no numbers for 1 of 100 rows, the first of them row 3"),
    (draw(np.random.default_rng(4), 100)[:, :3], "X has 3 features"),
    (draw(np.random.default_rng(4), 1), "n_samples=1, but.*at least 2 rows.*score_samples"),
    (np.empty((0, 8)), "0 sample"),
    (np.zeros(8), "Expected 2D array"),
]


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS, ids=[message for _, message in BAD_ROWS])
@pytest.mark.parametrize("method", ["fit", "test"])
def test_bad_rows(model, heldout, batch, method, rows, message):
    detector = DriftDetector(model, **FEW).fit(heldout)
    before = detector.test(batch).tests
    with pytest.raises(ValueError, match=message):
        getattr(detector, method)(rows)
    assert_frame_equal(detector.test(batch).tests, before)


def test_too_few_rows_for_the_level(model, heldout):
    detector = DriftDetector(model, **FEW).fit(heldout[:4])
    message = "X has 4 rows and the reference 4.*probability 0.029, too often for alpha=0.05"
    with pytest.raises(ValueError, match=message):
        detector.test(heldout[4:8] + 5)
    # Enough of them on either side are enough.
    assert detector.test(heldout[:10] + 5).drift
    assert DriftDetector(model, **FEW).fit(heldout).test(heldout[:2] + 100).drift


def test_a_model_that_has_changed_its_width(heldout, batch):
    train = draw(np.random.default_rng(1), 500)
    model = PCA(3).fit(train)
    detector = DriftDetector(model, **FEW).fit(heldout)
    model.set_params(n_components=2).fit(train)
    with pytest.raises(ValueError, match=r"model gives 2 codes, but gave 3.*Call fit"):
        detector.test(batch)
    detector.fit(heldout).test(batch)


class OneScore(BaseEstimator):
    """A model whose scores are not one for each row."""

    def fit(self, X):
        self.mean_ = X.mean()
        return self

    def score_samples(self, X):
        return self.mean_

    def transform(self, X):
        return X


def test_a_model_whose_answers_have_other_shapes(heldout):
    with pytest.raises(ValueError, match=r"scores of shape \(\) and codes of shape \(300, 8\)"):
        DriftDetector(OneScore().fit(heldout)).fit(heldout)
