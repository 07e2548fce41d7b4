"""A name in ``skae.__all__`` is enough for model files to hold an estimator.

For graphs and for the command line the tests of these try every name.
"""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.datasets import load_iris

import skae
from skae.estimators.base import BaseAutoencoder

X, Y = load_iris(return_X_y=True)
PUBLIC = [getattr(skae, name) for name in skae.__all__]
ESTIMATORS = [one for one in PUBLIC if isinstance(one, type) and issubclass(one, BaseEstimator)]


def fitted(kind):
    """Return a fitted estimator of a public class, however it is made."""
    if issubclass(kind, BaseAutoencoder):
        return kind(3, max_iter=1, random_state=0).fit(X)
    if kind is skae.AutoencoderImputer:
        # Its networks, which take 1,500 steps, have a file in the tests of imputers.
        return kind(max_iter=0, random_state=0).fit(X)
    autoencoder = fitted(skae.AutoencoderTransformer)
    if kind is skae.AutoencoderOutlierDetector:
        return kind(clone(autoencoder), n_estimators=2, cv=2, random_state=0).fit(X)
    if is_classifier(kind(None)) or is_regressor(kind(None)):
        return kind(clone(autoencoder), max_iter=1, random_state=0).fit(X, Y)
    return kind(autoencoder).fit(X[::-1] + 0.1 if kind is skae.DriftDetector else X)


def answer(estimator):
    """Return what the first method that an estimator has answers for rows that fit it."""
    names = ("predict_proba", "score_samples", "predict", "transform", "inverse_transform", "test")
    name = next(name for name in names if hasattr(estimator, name))
    result = getattr(estimator, name)(X[:, :3] if name == "inverse_transform" else X)
    return np.asarray(getattr(result, "p_value", result))


@pytest.fixture(scope="module", params=ESTIMATORS, ids=lambda kind: kind.__name__)
def estimator(request):
    return fitted(request.param)


def test_model_files_hold_it(estimator, tmp_path):
    skae.save(estimator, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert type(loaded) is type(estimator)
    assert np.array_equal(answer(loaded), answer(estimator))
