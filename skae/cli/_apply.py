"""``skae transform``, ``reconstruct``, ``score`` and ``sample``."""

from pathlib import Path

import numpy as np
import pandas as pd

from skae.persistence import load_estimator

from . import _models
from ._reading import chunks_of, columns_of, features_of
from ._writing import TABLES, check_out, table_writer


def transform(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    sep: str = ",",
):
    """Encode the rows of a table.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on, or - for CSV from the
        standard input. Columns are found by their names, and others are ignored, unless the model
        knows no names: then all columns count.
    out
        CSV or Parquet file that the codes go to, a row for each row. Without it they are written
        to the standard output as CSV.
    keep
        A column of the table to repeat beside the codes, such as a key; may be given several
        times. Keys stay as they are written: 0012 is not 12.
    sep
        What separates the fields of a CSV file; '\\t' is a tab.
    """
    check_out(out, *TABLES)
    estimator = load_estimator(model)
    names = estimator.get_feature_names_out()

    def codes_of(X):
        return pd.DataFrame(np.asarray(estimator.transform(X)), columns=names)

    _write(estimator, codes_of, data, out, keep, sep)


def reconstruct(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    sep: str = ",",
):
    """Encode and decode the rows of a table: what the model expects in their place.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on, or - for CSV from the
        standard input. Columns are found by their names, and others are ignored, unless the model
        knows no names: then all columns count.
    out
        CSV or Parquet file that they go to, with the columns of the model. Without it they are
        written to the standard output as CSV.
    keep
        A column of the table to repeat beside them, such as a key; may be given several times. It
        must be none of the model's. Keys stay as they are written: 0012 is not 12.
    sep
        What separates the fields of a CSV file; '\\t' is a tab.
    """
    check_out(out, *TABLES)
    estimator = load_estimator(model)

    def reconstructed(X):
        return pd.DataFrame(np.asarray(_models.reconstruct(estimator, X)), columns=X.columns)

    _write(estimator, reconstructed, data, out, keep, sep)


def score(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    sep: str = ",",
):
    """Score the rows of a table by how ordinary they are.

    Column "score" is higher for more ordinary rows. Of an outlier detector "p_value" says how often
    an ordinary row would be at least as unusual, and "outlier" whether the row is one by the
    detector's threshold.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on, or - for CSV from the
        standard input. Columns are found by their names, and others are ignored, unless the model
        knows no names: then all columns count.
    out
        CSV or Parquet file that the scores go to, a row for each row. Without it they are
        written to the standard output as CSV.
    keep
        A column of the table to repeat beside the scores, such as a key; may be given several
        times. Keys stay as they are written: 0012 is not 12.
    sep
        What separates the fields of a CSV file; '\\t' is a tab.
    """
    check_out(out, *TABLES)
    estimator = load_estimator(model)

    def scores_of(X):
        last, X = _models.last_step(estimator, X)
        scores = pd.DataFrame({"score": np.asarray(last.score_samples(X))})
        if hasattr(last, "p_values"):
            scores["p_value"] = last.p_values(X)
        if hasattr(last, "offset_"):
            scores["outlier"] = scores["score"] < last.offset_
        return scores

    _write(estimator, scores_of, data, out, keep, sep)


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
    check_out(out, *TABLES)
    estimator = load_estimator(model)
    if not hasattr(estimator, "sample"):
        raise ValueError(
            f"{model} holds a {type(estimator).__name__}, which does not generate rows."
        )
    rows = np.asarray(estimator.sample(n_samples, random_state=random_state))
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(rows[0].size)])
    table = pd.DataFrame(rows.reshape(len(rows), -1), columns=names)
    with table_writer(out) as write:
        write(table)


def _write(estimator, function, data, out, keep, sep):
    """Write what a function makes of a table, chunk by chunk."""
    keep = [*dict.fromkeys(keep or ())]
    # What is no feature stays as it is written; without names all columns are features.
    features = getattr(estimator, "feature_names_in_", keep)
    as_text = [name for name in keep if name not in features]
    with table_writer(out) as write:
        for chunk in chunks_of(data, sep=sep, as_text=as_text):
            kept, X = columns_of(chunk, keep), features_of(chunk, estimator)
            result = function(X).set_index(chunk.index)
            for name in keep:
                if name in result:
                    raise ValueError(
                        f"--keep is {name}, but what is written has a column of that name anyway. "
                        f"Leave --keep {name} out, or rename the column of the table."
                    )
            # The features are of one type in all chunks.
            kept = kept.assign(**{name: X[name] for name in keep if name in X})
            write(pd.concat([kept, result], axis=1))
