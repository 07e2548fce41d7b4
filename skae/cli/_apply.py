"""``skae transform``, ``reconstruct``, ``score`` and ``sample``."""

from pathlib import Path

import numpy as np
import pandas as pd

from skae.persistence import load_estimator

from . import _models
from ._tables import CHUNK, chunks_of, columns_of, features_of, table_writer


def transform(
    model: Path, data: Path, /, *, out: Path | None = None, keep: list[str] | None = None
):
    """Encode the rows of a table.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on; others are ignored.
    out
        CSV or Parquet file that the codes go to, a row for each row. Without it they are written
        to the standard output as CSV.
    keep
        A column of the table to repeat beside the codes, such as a key; may be given several
        times.
    """
    estimator = load_estimator(model)
    names = estimator.get_feature_names_out()

    def codes_of(X):
        return pd.DataFrame(np.asarray(estimator.transform(X)), columns=names)

    _write(estimator, codes_of, data, out, keep)


def reconstruct(
    model: Path, data: Path, /, *, out: Path | None = None, keep: list[str] | None = None
):
    """Encode and decode the rows of a table: what the model expects in their place.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on; others are ignored.
    out
        CSV or Parquet file that they go to, with the columns of the model. Without it they are
        written to the standard output as CSV.
    keep
        A column of the table to repeat beside them, such as a key; may be given several times.
    """
    estimator = load_estimator(model)

    def reconstructed(X):
        return pd.DataFrame(np.asarray(_models.reconstruct(estimator, X)), columns=X.columns)

    _write(estimator, reconstructed, data, out, keep)


def score(model: Path, data: Path, /, *, out: Path | None = None, keep: list[str] | None = None):
    """Score the rows of a table by how ordinary they are.

    Column "score" is higher for more ordinary rows. Of an outlier detector "p_value" says how often
    an ordinary row would be at least as unusual, and "outlier" whether the row is one by the
    detector's threshold.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on; others are ignored.
    out
        CSV or Parquet file that the scores go to, a row for each row. Without it they are
        written to the standard output as CSV.
    keep
        A column of the table to repeat beside the scores, such as a key; may be given several
        times.
    """
    estimator = load_estimator(model)

    def scores_of(X):
        scores = pd.DataFrame({"score": np.asarray(estimator.score_samples(X))})
        if hasattr(estimator, "p_values"):
            scores["p_value"] = estimator.p_values(X)
        if hasattr(estimator, "offset_"):
            scores["outlier"] = scores["score"] < estimator.offset_
        return scores

    _write(estimator, scores_of, data, out, keep)


def sample(
    model: Path, /, *, n_samples: int = 10, out: Path | None = None, random_state: int | None = None
):
    """Generate rows like those that a model was fitted on.

    Parameters
    ----------
    model
        File of a fitted autoencoder.
    n_samples
        How many.
    out
        CSV or Parquet file that they go to. Without it they are written to the standard output as
        CSV.
    random_state
        Seed, to get the same rows again.
    """
    estimator = load_estimator(model)
    if not hasattr(estimator, "sample"):
        raise ValueError(
            f"{model} holds a {type(estimator).__name__}, which does not generate rows."
        )
    rows = estimator.sample(n_samples, random_state=random_state)
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(rows[0].size)])
    table = pd.DataFrame(rows.reshape(len(rows), -1), columns=names)
    with table_writer(out) as write:
        for start in range(0, len(table), CHUNK):
            write(table[start : start + CHUNK])


def _write(estimator, function, data, out, keep):
    """Write what a function makes of a table, chunk by chunk."""
    with table_writer(out) as write:
        for chunk in chunks_of(data):
            result = function(features_of(chunk, estimator)).set_index(chunk.index)
            write(pd.concat([columns_of(chunk, keep or ()), result], axis=1))
