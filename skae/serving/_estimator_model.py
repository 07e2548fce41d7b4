"""Estimators that are served: their methods as named outputs."""

import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_outlier_detector

from skae._fitted import first_step, has_method, last_step, reconstruct
from skae.detection import AutoencoderOutlierDetector
from skae.tables import dense

from ._refusal import error_excerpt
from ._served_model import Inputs, Names, Outputs, ServedModel
from ._tensors import TensorSpec
from ._trial_rows import missing_cells, trial_rows

# The methods that give outputs. Predictions of outlier detectors are called "outlier".
_METHODS = {
    "codes": "transform",
    "reconstruction": "inverse_transform",
    "score": "score_samples",
    "prediction": "predict",
    "probability": "predict_proba",
}


class EstimatorModel(ServedModel):
    """A fitted estimator or Pipeline; a TypeError if it gives no answer row by row.

    It has the outputs that the estimator gives for a trial row: any step of a Pipeline may decide
    whether a method works.
    """

    platform = "scikit-learn"

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        candidates = _candidates(estimator)
        first = first_step(estimator)
        self._names = getattr(first, "feature_names_in_", None)
        n_features = getattr(first, "n_features_in_", None)
        if not candidates or n_features is None:
            raise TypeError(
                f"{type(estimator).__name__} cannot be served: expected a fitted estimator that "
                f"has n_features_in_ (of a Pipeline, its first step), and transform, "
                f"score_samples or predict, such as an autoencoder or an outlier detector of "
                f"skae, or a Pipeline that ends in one."
            )
        # Other numbers are accepted as well; FP64 loses nothing.
        self.inputs = (TensorSpec("input", "FP64", [-1, n_features]),)
        # Warnings say nothing about made-up rows.
        with warnings.catch_warnings(action="ignore"):
            self.outputs, row = self._try_out(candidates, n_features)
            self.missing = missing_cells(estimator, self._answers, row)

    def compute(self, inputs: Inputs, names: Names) -> Outputs:
        """Return the named outputs of rows; see `ServedModel.compute`."""
        X: Any = inputs[0]
        if self._names is not None:
            X = pd.DataFrame(X, columns=self._names, copy=False)
        found: dict[str, Any] = {}
        for name, method in _METHODS.items():
            if name == "reconstruction" and name in names:
                found[name] = reconstruct(self._estimator, X, found.get("codes"))
            elif name in names:
                found[name] = getattr(self._estimator, method)(X)
        if "outlier" in names:
            found["outlier"] = self._outliers(X, found.get("score"))
        return {name: dense(found[name]) for name in names}

    def _outliers(self, X: Any, scores: Any) -> Any:
        last = last_step(self._estimator)
        if not isinstance(last, AutoencoderOutlierDetector):
            # Scores of other detectors may be rounded otherwise than `predict` rounds them.
            return self._estimator.predict(X) == -1
        return (self._estimator.score_samples(X) if scores is None else scores) < last.offset_

    def _try_out(
        self, candidates: list[str], n_features: int
    ) -> tuple[dict[str, TensorSpec], np.ndarray]:
        """Return the specs of the outputs, and a row for which the estimator gives them."""
        trials = []
        for row in trial_rows(self._estimator, n_features):
            found: dict[str, TensorSpec] = {}
            errors: dict[str, Exception] = {}
            for name in candidates:
                try:
                    found |= self.describe((row,), (name,))
                except Exception as error:
                    errors[name] = error
            trials.append((found, errors, row))
            if not errors:
                break
        found, errors, row = max(trials, key=lambda trial: len(trial[0]))
        kind = type(self._estimator).__name__
        if not found:
            why_not = next(iter(errors.values()))
            raise TypeError(
                f"{kind} cannot be served, as it answers no row of {n_features} numbers: "
                f"{error_excerpt(why_not).rstrip('.')}. Only numeric columns are served; encode "
                f"all others before the Pipeline, or serve the graph that skae.to_onnx makes of "
                f"it, which takes words."
            ) from why_not
        for name, why_not in errors.items():
            message = "%s is served without %r, which it does not give: %s"
            logging.getLogger(__name__).warning(message, kind, name, error_excerpt(why_not))
        return found, row

    def _answers(self, row: np.ndarray) -> bool:
        """Whether the estimator gives all outputs for a row."""
        try:
            self.run((row,), tuple(self.outputs))
        except Exception:
            return False
        return True


def _candidates(estimator: Any) -> list[str]:
    """Return the names of the outputs that an estimator has methods for."""
    names = [name for name, method in _METHODS.items() if has_method(estimator, method)]
    try:
        detects_outliers = is_outlier_detector(last_step(estimator))
    except Exception:
        # An estimator without tags.
        detects_outliers = False
    return ["outlier" if detects_outliers and name == "prediction" else name for name in names]
