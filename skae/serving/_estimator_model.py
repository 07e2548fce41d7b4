"""Estimators that are served: their methods as named outputs."""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_outlier_detector

from skae._fitted import first_step, has_method, last_step, reconstruct
from skae.detection import AutoencoderOutlierDetector
from skae.imputation import AutoencoderImputer
from skae.tables import PlainTable, dense

from ._refusal import error_excerpt
from ._served_model import Inputs, Names, Outputs, ServedModel
from ._tensors import TensorSpec, datatype_of
from ._trial_rows import missing_cells, trial_rows

# The methods that give outputs. Predictions of outlier detectors are called "outlier".
_METHODS = {
    "codes": "transform",
    # Of an imputer.
    "completed": "transform",
    "reconstruction": "inverse_transform",
    "score": "score_samples",
    "prediction": "predict",
    "probability": "predict_proba",
}

# Outputs with the columns of the caller.
_TABLES = ("completed", "reconstruction")


class EstimatorModel(ServedModel):
    """A fitted estimator or Pipeline; a TypeError if it gives no answer row by row.

    It has the outputs that the estimator gives for a trial row: any step of a Pipeline may decide
    whether a method works. It has one input, or one for each column of a table with columns of
    several types; the reconstruction of such a table, or what an imputer makes of it, has an output
    for each column.
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
        plain = PlainTable.of(estimator)
        self._columns = None if plain is None or plain.is_numeric else plain
        if self._columns is not None and getattr(last_step(estimator), "add_indicator", False):
            raise TypeError(
                "AutoencoderImputer(add_indicator=True) of columns of several types cannot be "
                "served: its outputs are the columns. Call set_params(add_indicator=False) and "
                "save it again: clients know which cells they have sent without a value."
            )
        # Warnings say nothing about made-up rows.
        with warnings.catch_warnings(action="ignore"):
            if self._columns is None:
                # Other numbers are accepted as well; FP64 loses nothing.
                self.inputs = (TensorSpec("input", "FP64", [-1, n_features]),)
                rows: Iterator[Inputs] = ((row,) for row in trial_rows(estimator, n_features))
                self.outputs, (row,) = self._try_out(candidates, rows, f"{n_features} numbers")
                missing = missing_cells(estimator, self._answers, row)
                self.missing = {} if missing is None else {"input": missing}
            else:
                example = tuple(cells[:, None] for cells in self._columns.example(1))
                self.inputs = tuple(
                    TensorSpec(name, datatype_of(cells), [-1, 1])
                    for name, cells in zip(self._columns.names, example, strict=True)
                )
                self.outputs, _ = self._try_out(candidates, iter([example]), "its columns")
                may_miss = [one.name for one in self._columns.columns if not one.knows_empty_text]
                self.missing = dict.fromkeys(may_miss, np.array([True]))

    def compute(self, inputs: Inputs, names: Names) -> Outputs:
        """Return the named outputs of rows; see `ServedModel.compute`."""
        X = self._rows(inputs)
        found: dict[str, Any] = {}
        for name, method in _METHODS.items():
            if name == "reconstruction" and _any_of(name, names):
                back = reconstruct(self._estimator, X, found.get("codes"))
                found |= self._tables(name, back)
            elif name == "completed" and _any_of(name, names):
                found |= self._tables(name, self._estimator.transform(X))
            elif name in names:
                found[name] = getattr(self._estimator, method)(X)
        if "outlier" in names:
            found["outlier"] = self._outliers(X, found.get("score"))
        return {name: dense(found[name]) for name in names}

    def _rows(self, inputs: Inputs) -> Any:
        """Return rows as the estimator takes them."""
        if self._columns is not None:
            return self._columns.table([cells[:, 0] for cells in inputs])
        if self._names is not None:
            return pd.DataFrame(inputs[0], columns=self._names, copy=False)
        return inputs[0]

    def _tables(self, output: str, rows: Any) -> dict[str, Any]:
        """Return rows of the caller's columns by the names of outputs."""
        if self._columns is None:
            return {output: rows}
        cells = self._columns.arrays(rows, decoded=True)
        names = self._columns.outputs(output)
        return dict(zip(names, (values[:, None] for values in cells), strict=True))

    def _outliers(self, X: Any, scores: Any) -> Any:
        last = last_step(self._estimator)
        if not isinstance(last, AutoencoderOutlierDetector):
            # Scores of other detectors may be rounded otherwise than `predict` rounds them.
            return self._estimator.predict(X) == -1
        return (self._estimator.score_samples(X) if scores is None else scores) < last.offset_

    def _try_out(
        self, candidates: list[str], rows: Iterator[Inputs], in_words: str
    ) -> tuple[dict[str, TensorSpec], Inputs]:
        """Return the specs of the outputs, and a row for which the estimator gives them."""
        trials = []
        for row in rows:
            found: dict[str, TensorSpec] = {}
            errors: dict[str, Exception] = {}
            for name in candidates:
                try:
                    found |= self.describe(row, self._outputs_of(name))
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
                f"{kind} cannot be served, as it answers no row of {in_words}: "
                f"{error_excerpt(why_not).rstrip('.')}. Only numeric columns are served, and those "
                f"that an estimator of skae as the first step takes; encode all others before the "
                f"Pipeline, or serve the graph that skae.to_onnx makes of it, which takes words."
            ) from why_not
        for name, why_not in errors.items():
            message = "%s is served without %r, which it does not give: %s"
            logging.getLogger(__name__).warning(message, kind, name, error_excerpt(why_not))
        return found, row

    def _outputs_of(self, candidate: str) -> Names:
        """Return the names of the outputs that a method gives."""
        if candidate in _TABLES and self._columns is not None:
            return tuple(self._columns.outputs(candidate))
        return (candidate,)

    def _answers(self, row: np.ndarray) -> bool:
        """Whether the estimator gives all outputs for a row."""
        try:
            self.run((row,), tuple(self.outputs))
        except Exception:
            return False
        return True


def _any_of(output: str, names: Names) -> bool:
    """Return whether names are those of an output that may have several."""
    return any(name == output or name.startswith(f"{output}_") for name in names)


def _candidates(estimator: Any) -> list[str]:
    """Return the names of the outputs that an estimator has methods for."""
    if isinstance(last_step(estimator), AutoencoderImputer):
        return ["completed"]
    methods = {name: method for name, method in _METHODS.items() if name != "completed"}
    names = [name for name, method in methods.items() if has_method(estimator, method)]
    try:
        detects_outliers = is_outlier_detector(last_step(estimator))
    except Exception:
        # An estimator without tags.
        detects_outliers = False
    return ["outlier" if detects_outliers and name == "prediction" else name for name in names]
