"""The estimators of skae that have graphs: classes, outputs, and shapes of rows."""

from typing import NamedTuple

from sklearn.base import BaseEstimator

import skae
from skae.detection import AutoencoderOutlierDetector
from skae.estimators.base import BaseAutoencoder, Decoder, Encoder
from skae.imputation import AutoencoderImputer
from skae.supervised import AutoencoderClassifier, AutoencoderRegressor

# They have an autoencoder and a head on its codes.
SUPERVISED = (AutoencoderClassifier, AutoencoderRegressor)

# Instances of these have graphs, if their class is public.
KINDS = (
    *(AutoencoderImputer, AutoencoderOutlierDetector, BaseAutoencoder, Decoder, Encoder),
    *SUPERVISED,
)

# The outputs of graphs, and the methods of an estimator that give the same.
METHODS = {
    "codes": "transform",
    # Of an imputer.
    "completed": "transform",
    "reconstruction": "inverse_transform",
    "score": "score_samples",
    "prediction": "predict",
    "probability": "predict_proba",
    "p_value": "p_values",
}

# For estimators that are not of skae, skl2onnx has graphs of the other outputs alone.
ONLY_OF_SKAE = ("completed", "reconstruction", "score", "p_value")


def classes_with_graphs() -> list[type[BaseEstimator]]:
    """Return the public classes of skae that have graphs."""
    public = [getattr(skae, name) for name in skae.__all__]
    return [one for one in public if isinstance(one, type) and issubclass(one, KINDS)]


def outputs_of_networks(kind: type[BaseEstimator]) -> list[str]:
    """Return the outputs that the networks of such a class give, the usual one first."""
    if issubclass(kind, AutoencoderImputer):
        # A matrix of numbers, or codes and numbers that become columns of several types.
        return ["completed", "completed_columns"]
    names = [name for name in ("codes", *ONLY_OF_SKAE) if name != "completed"]
    if issubclass(kind, SUPERVISED):
        # Predictions of a detector are made of its scores.
        names += ["prediction", "probability"]
    return [name for name in names if hasattr(kind, METHODS[name])]


def autoencoders_of(estimator: BaseEstimator) -> list[BaseAutoencoder]:
    """Return the autoencoders of an estimator: all members, the one of a half, or itself."""
    if isinstance(estimator, AutoencoderOutlierDetector):
        return estimator.estimators_
    if isinstance(estimator, SUPERVISED):
        return [estimator.autoencoder_]
    return [estimator.autoencoder if isinstance(estimator, Encoder | Decoder) else estimator]


class Shapes(NamedTuple):
    """Shapes of a row, without the number of rows."""

    # Rows that an estimator takes: the columns of the caller's table.
    taken: tuple[int, ...]
    codes: tuple[int, ...]
    # Rows that its decoder answers: of a table, or images or windows.
    decoded: tuple[int, ...]


def shapes_of(estimator: BaseEstimator) -> Shapes:
    """Return the shapes of rows and codes of a fitted estimator, which are read here alone.

    Graphs never ask how many values an encoder sees.
    """
    if isinstance(estimator, AutoencoderImputer):
        row = (estimator.n_features_in_,)
        return Shapes(row, row, row)
    autoencoders = autoencoders_of(estimator)
    return Shapes(
        taken=(estimator.n_features_in_,),
        codes=(sum(one.n_components_ for one in autoencoders),),
        decoded=autoencoders[0]._row_shape or (autoencoders[0].n_features_in_,),
    )
