"""The answers of a model, which its graph has to give, too."""

import pickle
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skae._fitted import reconstruct
from skae.detection import AutoencoderOutlierDetector
from skae.estimators.base import Decoder, has_classes
from skae.imputation import AutoencoderImputer
from skae.tables import PlainTable, dense

from ._estimators import KINDS, METHODS, ONLY_OF_SKAE
from ._imputer_module import check_imputer
from ._sample import Columns, Sample
from ._steps import check_rows_stay, steps_of

# Outputs with the columns of the caller.
_TABLES = ("completed", "reconstruction")

# By so much rounding may change a probability.
_ROUNDING = 1e-6


# The results of a function by the bytes of its arguments: arrays, or the error that it raised.
Remembered = dict[bytes, list[np.ndarray] | Exception]


def once(
    function: Callable[[Columns], list[np.ndarray]], remembered: Remembered
) -> Callable[[Columns], list[np.ndarray]]:
    """Return a function that computes once for the same columns, and remembers its errors, too."""

    def answer(columns: Columns) -> list[np.ndarray]:
        key = pickle.dumps(columns)
        if key not in remembered:
            try:
                remembered[key] = function(columns)
            except Exception as error:
                remembered[key] = error
        found = remembered[key]
        if isinstance(found, Exception):
            raise found
        return found

    return answer


class ModelOutput:
    """An output of a fitted model.

    The model's own methods are asked for it; `steps` are what it consists of, `last` is the step
    that gives the output.
    """

    def __init__(self, model: BaseEstimator, name: str):
        self.model, self.name = model, name
        self.steps = steps_of(getattr(model, "best_estimator_", model))
        check_rows_stay(self.steps)
        self.last: Any = self.steps[-1][1] if self.steps else None
        self.of_skae = isinstance(self.last, KINDS)
        self.is_imputer = isinstance(self.last, AutoencoderImputer)
        if self.is_imputer and name == "codes":
            # The answer of a graph, if no other is asked for.
            self.name = name = "completed"
        self._check_name()
        if self.of_skae:
            check_is_fitted(self.last)
        if self.is_imputer:
            check_imputer(self.last)
        self._table = _decoded_table(self.last) if name in _TABLES else None
        if self.is_imputer and self.columns is None:
            # An imputer of numbers gives one array, and no columns.
            self._table = None
        self._column: int | None = None
        self._remembered: Remembered = {}
        self.method = METHODS[name]
        # Numbers of trees jump, and those of networks do not.
        self.jumps = not self.of_skae
        self.is_detection = isinstance(self.last, AutoencoderOutlierDetector) and (
            name == "prediction"
        )

    def _check_name(self) -> None:
        """Refuse an output that the last step does not give."""
        if self.name not in METHODS:
            raise ValueError(f"output must be one of {sorted(METHODS)}, got {self.name!r}.")
        gives = [
            name
            for name, method in METHODS.items()
            if hasattr(self.last, method)
            and (self.of_skae or name not in ONLY_OF_SKAE)
            and (name == "completed") == self.is_imputer
        ]
        if isinstance(self.last, type) or not gives:
            raise TypeError(
                f"estimator must be a fitted autoencoder or outlier detector of skae, or a "
                f"Pipeline of fitted steps, got {self.last!r}."
            )
        if self.name not in gives:
            kind, method = type(self.last).__name__, METHODS[self.name]
            lacks = f"is nothing that {kind} gives"
            if hasattr(self.last, method) and not self.of_skae:
                lacks = f"has no graph for {method} of {kind}, which is not of skae"
            possible = " or ".join(map(repr, gives))
            advice = " The steps before it are model[:-1]." if len(self.steps) > 1 else ""
            raise ValueError(f"output={self.name!r} {lacks}. Use output={possible}.{advice}")
        if self.of_skae and self.name != "codes" and has_classes(self.last):
            raise ValueError(
                f"output={self.name!r} of a conditional autoencoder has no graph: its decoder "
                f"needs the class of each row, and a graph has no input for it. Use output='codes'."
            )

    @property
    def columns(self) -> PlainTable | None:
        """The columns of which each is an output of its own; None if there is one output."""
        return None if self._table is None or self._table.is_numeric else self._table

    def parts(self) -> "list[ModelOutput]":
        """Return each output of the graph, or this one if there are no others."""
        if self.columns is None:
            return [self]
        names = self.columns.outputs(self.name)
        parts = [copy(self) for _ in names]
        remembered: Remembered = {}
        for i, part in enumerate(parts):
            part.name, part._column = names[i], i
            part._remembered = remembered
        return parts

    def of(self, X: Any) -> np.ndarray:
        """Return the output for rows."""
        if self._column is not None:
            return self._columns_of(X)[self._column][:, None]
        if self.name == "p_value":
            # Pipelines have no such method.
            *before, (_, last) = self.steps
            answer = last.p_values(Pipeline(before).transform(X) if before else X)
        elif self._table is not None:
            answer = np.column_stack(self._columns_of(X)).astype(np.float64)
        elif self.name == "reconstruction":
            answer = reconstruct(self.model, X)
        else:
            answer = getattr(self.model, self.method)(X)
        if isinstance(answer, list):
            raise ValueError(
                f"{self.method} gives {len(answer)} tables, one for each target, and a graph "
                f"has one output. Convert a pipeline for each target."
            )
        return dense(answer)

    def for_columns_of(self, sample: Sample) -> Callable[[Columns], np.ndarray]:
        """Return a function from columns like those of a sample to the output for their rows."""
        if self._column is None:
            return lambda columns: self.of(sample.rows(columns))
        place = self._column
        # The others are asked for the same rows.
        answers = once(lambda columns: self._columns_of(sample.rows(columns)), self._remembered)
        return lambda columns: answers(columns)[place][:, None]

    def _columns_of(self, X: Any) -> list[np.ndarray]:
        """Return the reconstructions of all columns of rows."""
        assert self._table is not None
        rows = self.model.transform(X) if self.is_imputer else reconstruct(self.model, X)
        return self._table.arrays(rows, decoded=True)

    def is_tied(self, X: Any, labels: np.ndarray) -> np.ndarray:
        """Return for each row whether the model finds no label more probable than the given one.

        A model without probabilities has no ties.
        """
        model = self.model
        if not hasattr(model, "predict_proba") or not hasattr(model, "classes_") or labels.ndim > 1:
            return np.zeros(labels.shape, dtype=bool)
        probability = model.predict_proba(X)
        is_given = labels[:, None] == np.asarray(model.classes_)
        given = np.where(is_given, probability, -np.inf).max(axis=1)
        return given >= probability.max(axis=1) - _ROUNDING


def _decoded_table(last: Any) -> PlainTable | None:
    """Return the columns of the table that the last step decodes codes to, if it has any."""
    if not isinstance(last, KINDS):
        return None
    return PlainTable.of(last.autoencoder if isinstance(last, Decoder) else last)
