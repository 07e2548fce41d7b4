"""Estimators that are served: their methods as named outputs."""

import logging

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import is_outlier_detector

from skae.detection import AutoencoderOutlierDetector

from ._models import Model
from ._shown import cut
from ._steps import first_step, last_step
from ._tensors import TensorSpec
from ._trial import missing_cells, quiet, trial_rows


class EstimatorModel(Model):
    """A fitted estimator, or a fitted Pipeline.

    It has the outputs that the estimator gives for a trial row: whether a method works may depend
    on any step of a Pipeline.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator that transforms, scores or predicts.

    Raises
    ------
    TypeError
        If it does none of these, row by row, or takes other columns than numeric ones.
    """

    platform = "scikit-learn"

    def __init__(self, estimator):
        self._estimator = estimator
        self._methods = _methods_of(estimator)
        first = first_step(estimator)
        self._names = getattr(first, "feature_names_in_", None)
        n_features = getattr(first, "n_features_in_", None)
        if not self._methods or n_features is None:
            raise TypeError(
                f"{type(estimator).__name__} cannot be served: expected a fitted estimator that "
                f"has n_features_in_ (of a Pipeline, its first step), and transform, "
                f"score_samples or predict, such as an autoencoder or an outlier detector of "
                f"skae, or a Pipeline that ends in one."
            )
        # Single precision is accepted as well; this is what loses nothing.
        self.inputs = (TensorSpec("input", "FP64", [-1, n_features]),)
        with quiet():
            self.outputs, row = self._try_out(n_features)
            self.missing = missing_cells(estimator, self._takes, row)

    def compute(self, inputs, names):
        """Compute some outputs of rows; see `Model.compute`."""
        (X,) = inputs
        if self._names is not None:
            X = pd.DataFrame(X, columns=self._names, copy=False)
        estimator, last, known = self._estimator, last_step(self._estimator), {}
        if "codes" in names:
            known["codes"] = estimator.transform(X)
        if "reconstruction" in names:
            known["reconstruction"] = _reconstructed(estimator, X, known.get("codes"))
        # Its scores tell outliers; others may round them in another way than `predict` does.
        thresholded = "outlier" in names and isinstance(last, AutoencoderOutlierDetector)
        if "score" in names or thresholded:
            known["score"] = estimator.score_samples(X)
        if thresholded:
            known["outlier"] = known["score"] < last.offset_
        elif "outlier" in names:
            known["outlier"] = estimator.predict(X) == -1
        if "prediction" in names:
            known["prediction"] = estimator.predict(X)
        if "probability" in names:
            known["probability"] = estimator.predict_proba(X)
        return {name: _dense(known[name]) for name in names}

    def _try_out(self, n_features):
        """Return the outputs, and a row for which the estimator gives them."""
        best, row_of_best, why_not = {}, None, {}
        for row in trial_rows(self._estimator, n_features):
            found, errors = {}, {}
            for name in self._methods:
                try:
                    found |= self.describe((row,), (name,))
                except Exception as error:
                    errors[name] = error
            if row_of_best is None or len(found) > len(best):
                best, row_of_best, why_not = found, row, errors
            if not errors:
                break
        kind = type(self._estimator).__name__
        if not best:
            error = next(iter(why_not.values()))
            raise TypeError(
                f"{kind} cannot be served, as it answers no row of {n_features} numbers: "
                f"{cut(error).rstrip('.')}. Only numeric columns are served; encode all others "
                f"before the Pipeline, or serve the graph that skae.to_onnx makes of it, which "
                f"takes words."
            ) from error
        for name, error in why_not.items():
            logging.getLogger(__name__).warning(
                "%s is served without %r, which it does not give: %s", kind, name, cut(error)
            )
        return best, row_of_best

    def _takes(self, row):
        """Whether all outputs are given for a row."""
        try:
            self.run((row,), tuple(self.outputs))
        except Exception:
            return False
        return True


def _methods_of(estimator):
    """Return the names of what an estimator has methods for."""
    names = []
    if _has(estimator, "transform"):
        names.append("codes")
    if _has(estimator, "inverse_transform"):
        names.append("reconstruction")
    if _has(estimator, "score_samples"):
        names.append("score")
    if _has(estimator, "predict"):
        names.append("outlier" if _detects_outliers(estimator) else "prediction")
    if _has(estimator, "predict_proba"):
        names.append("probability")
    return names


def _has(estimator, method):
    """Whether there is a method; what looks for it in other steps may raise anything."""
    try:
        return callable(getattr(estimator, method, None))
    except Exception:
        return False


def _detects_outliers(estimator):
    try:
        return is_outlier_detector(last_step(estimator))
    except Exception:
        # It has no tags.
        return False


def _reconstructed(estimator, X, codes):
    if _has(estimator, "reconstruct"):
        return estimator.reconstruct(X)
    if codes is None:
        # What only decodes is given codes.
        codes = estimator.transform(X) if _has(estimator, "transform") else X
    return estimator.inverse_transform(codes)


def _dense(values):
    if isinstance(values, list):
        raise TypeError("It is a list of arrays, one a target, where one array is expected.")
    return values.toarray() if sparse.issparse(values) else np.asarray(values)
