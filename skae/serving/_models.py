"""What is served: estimators and ONNX graphs as functions from rows to named outputs."""

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import is_outlier_detector

from skae.estimators import Decoder

from ._tensors import TensorSpec, datatype_of

_ONNX_DATATYPES = {"tensor(float)": "FP32", "tensor(double)": "FP64"}


class Model(ABC):
    """Rows in, named outputs out.

    Parameters
    ----------
    input : TensorSpec
        The one input, of shape [-1, n_features].
    output_names : list of str
        What `run` can give.

    Attributes
    ----------
    outputs : dict of str to TensorSpec
        The outputs, in order.
    """

    platform = None

    def __init__(self, input, output_names):
        self.input = input
        self.outputs = _specs(self._try_out(output_names))

    @property
    def n_features(self):
        """How many columns the input has."""
        return self.input.shape[1]

    @abstractmethod
    def run(self, X, names):
        """Compute some outputs of rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Finite rows, float32 or float64.
        names : tuple of str
            Which outputs.

        Returns
        -------
        results : dict of str to ndarray
            Each has `n_samples` rows.
        """

    def _try_out(self, names):
        """Run the model on two rows, to see what its outputs look like; they also warm it up."""
        try:
            return self.run(np.zeros((2, self.n_features)), tuple(names))
        except ValueError:
            # Where zero is no value, as before a logarithm.
            return self.run(np.ones((2, self.n_features)), tuple(names))


class EstimatorModel(Model):
    """A fitted estimator, or a fitted Pipeline.

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
        self._names = getattr(estimator, "feature_names_in_", None)
        names = _outputs_of(estimator)
        n_features = _n_features(estimator)
        if not names or n_features is None:
            raise TypeError(
                f"{type(estimator).__name__} cannot be served: expected a fitted estimator that "
                f"has n_features_in_, and transform, score_samples or predict, such as an "
                f"autoencoder or an outlier detector of skae, or a Pipeline that ends in one."
            )
        # Single precision is accepted as well; this is what loses nothing.
        try:
            super().__init__(TensorSpec("input", "FP64", [-1, n_features]), names)
        except TypeError as error:
            raise TypeError(
                f"{type(estimator).__name__} cannot be served, as it does not take rows of "
                f"numbers: {error}. Only numeric columns are served; encode all others before the "
                f"Pipeline."
            ) from error

    def run(self, X, names):
        """Compute some outputs of rows; see `Model.run`."""
        if self._names is not None:
            X = pd.DataFrame(X, columns=self._names, copy=False)
        estimator, known = self._estimator, {}
        if "codes" in names:
            known["codes"] = estimator.transform(X)
        if "reconstruction" in names:
            known["reconstruction"] = _reconstructed(estimator, X, known.get("codes"))
        if "score" in names or "outlier" in names:
            known["score"] = estimator.score_samples(X)
        if "outlier" in names:
            known["outlier"] = known["score"] < _last(estimator).offset_
        if "prediction" in names:
            known["prediction"] = estimator.predict(X)
        if "probability" in names:
            known["probability"] = estimator.predict_proba(X)
        return {name: _dense(known[name]) for name in names}


class OnnxModel(Model):
    """An ONNX graph in onnxruntime, on one thread.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Its graph has one input of shape (any, n_features).

    Raises
    ------
    ValueError
        If its input has another form.
    """

    platform = "onnx_onnxv1"

    def __init__(self, session):
        self._session = session
        inputs = session.get_inputs()
        forms = ", ".join(f"{one.name}: {one.type} of shape {one.shape}" for one in inputs)
        shape, datatype = inputs[0].shape, _ONNX_DATATYPES.get(inputs[0].type)
        takes_rows = len(shape) == 2 and not isinstance(shape[0], int) and isinstance(shape[1], int)
        if len(inputs) > 1 or datatype is None or not takes_rows:
            raise ValueError(
                f"The graph must have one input of float or double, of shape (any number of rows, "
                f"number of features), got {forms}. skae.to_onnx makes such graphs."
            )
        self._dtype = np.float32 if datatype == "FP32" else np.float64
        # What is no tensor, as a list of dictionaries is, the protocol cannot send.
        names = [one.name for one in session.get_outputs() if one.type.startswith("tensor")]
        super().__init__(TensorSpec(inputs[0].name, datatype, [-1, shape[1]]), names)

    def run(self, X, names):
        """Compute some outputs of rows; see `Model.run`."""
        with np.errstate(over="ignore"):
            X = X.astype(self._dtype, copy=False)
        results = self._session.run(list(names), {self.input.name: X})
        return dict(zip(names, results, strict=True))


def _outputs_of(estimator):
    """Return the names of what an estimator can give for a row."""
    names = []
    if hasattr(estimator, "transform"):
        names.append("codes")
    if hasattr(estimator, "inverse_transform"):
        names.append("reconstruction")
    scores = hasattr(estimator, "score_samples")
    if scores:
        names.append("score")
    if scores and is_outlier_detector(_last(estimator)) and hasattr(_last(estimator), "offset_"):
        names.append("outlier")
    elif hasattr(estimator, "predict"):
        names.append("prediction")
        if hasattr(estimator, "predict_proba"):
            names.append("probability")
    return names


def _reconstructed(estimator, X, codes):
    if hasattr(estimator, "reconstruct"):
        return estimator.reconstruct(X)
    if codes is None:
        codes = X if isinstance(estimator, Decoder) else estimator.transform(X)
    return estimator.inverse_transform(codes)


def _n_features(estimator):
    """Return how many columns an estimator takes; of a decoder, how many codes."""
    if isinstance(estimator, Decoder):
        return estimator.autoencoder.n_components_
    return getattr(estimator, "n_features_in_", None)


def _last(estimator):
    """Return what decides in the end, behind Pipelines and searches; or the estimator itself."""
    if hasattr(estimator, "steps"):
        return _last(estimator.steps[-1][1])
    if hasattr(estimator, "best_estimator_"):
        return _last(estimator.best_estimator_)
    return estimator


def _dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def _specs(results):
    """Describe outputs by what two rows gave."""
    for name, values in results.items():
        if values.shape[:1] != (2,):
            raise ValueError(
                f"The output {name!r} of two rows has the shape {values.shape}, so it is not one "
                f"answer a row, and rows of several requests cannot be computed together."
            )
    return {
        name: TensorSpec(name, datatype_of(values), [-1, *values.shape[1:]])
        for name, values in results.items()
    }
