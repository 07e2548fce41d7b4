"""``skae transform``, ``reconstruct``, ``score``, ``predict`` and ``sample``."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import _models
from ._csv import PLAIN, CsvOptions
from ._features import Features, columns_of
from ._reading import check_table, chunks_of
from ._writing import check_table_out, table_writer


def transform(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    trust: list[str] | None = None,
    csv: CsvOptions = PLAIN,
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
        CSV or Parquet file that the codes go to, a row for each row. Without it, or with -, they
        are written to the standard output as CSV.
    keep
        A column of the table to repeat beside the codes, such as a key; may be given several
        times. Keys that are no features stay as they are
        written: 0012 is not 12.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    csv
        How the table is written, if it is CSV.
    """
    _check(data, out, csv)
    estimator = _models.load_model(model, trust, ["transform"], "make codes")
    _write(estimator, _models.codes_of, data, out, keep, csv)


def reconstruct(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    trust: list[str] | None = None,
    csv: CsvOptions = PLAIN,
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
        CSV or Parquet file that they go to, with the columns of the model. Without it, or with -,
        they are written to the standard output as CSV.
    keep
        A column of the table to repeat beside them, such as a key; may be given several times. It
        must be none of the model's. Keys that are no features stay as they are
        written: 0012 is not 12.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    csv
        How the table is written, if it is CSV.
    """
    _check(data, out, csv)
    methods = ["transform", "inverse_transform"]
    estimator = _models.load_model(model, trust, methods, "encode rows and decode them")
    _write(estimator, _models.reconstruction_of, data, out, keep, csv)


def score(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    trust: list[str] | None = None,
    csv: CsvOptions = PLAIN,
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
        CSV or Parquet file that the scores go to, a row for each row. Without it, or with -, they
        are written to the standard output as CSV.
    keep
        A column of the table to repeat beside the scores, such as a key; may be given several
        times. Keys that are no features stay as they are
        written: 0012 is not 12.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    csv
        How the table is written, if it is CSV.
    """
    _check(data, out, csv)
    estimator = _models.load_model(model, trust, ["score_samples"], "score rows")
    _write(estimator, _models.scores_of, data, out, keep, csv)


def predict(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    keep: list[str] | None = None,
    probability: bool = False,
    trust: list[str] | None = None,
    csv: CsvOptions = PLAIN,
):
    """Predict the class, the value or the cluster of the rows of a table.

    Column "prediction" holds what a pipeline predicts that ends in a classifier, a regressor or a
    clusterer. Of an outlier detector it is 1 for ordinary rows and -1 for outliers.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file with the columns that the model was fitted on, or - for CSV from the
        standard input. Columns are found by their names, and others are ignored, unless the model
        knows no names: then all columns count.
    out
        CSV or Parquet file that the predictions go to, a row for each row. Without it, or with -,
        they are written to the standard output as CSV.
    keep
        A column of the table to repeat beside the predictions, such as a key; may be given several
        times. Keys that are no features stay as they are
        written: 0012 is not 12.
    probability
        Write how probable each class is, too, in a column for each: "probability_a" for class a.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    csv
        How the table is written, if it is CSV.
    """
    _check(data, out, csv)
    estimator = _models.load_model(model, trust, ["predict"], "predict")
    predicted = _models.predictions_of
    if probability:
        _models.check_methods(estimator, model, ["predict_proba"], "give probabilities")

        def predicted(estimator, X):
            parts = [_models.predictions_of(estimator, X), _models.probabilities_of(estimator, X)]
            return pd.concat(parts, axis=1)

    _write(estimator, predicted, data, out, keep, csv)


def sample(
    model: Path,
    /,
    *,
    n_samples: int = 10,
    out: Path | None = None,
    random_state: int | None = None,
    trust: list[str] | None = None,
):
    """Generate rows like those that a model was fitted on.

    Parameters
    ----------
    model
        File of a fitted autoencoder.
    n_samples
        How many.
    out
        CSV or Parquet file that they go to. Without it, or with -, they are written to the
        standard output as CSV.
    random_state
        Seed, to get the same rows again.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    """
    check_table_out(out)
    estimator = _models.load_model(model, trust, ["sample"], "generate rows")
    rows = np.asarray(estimator.sample(n_samples, random_state=random_state))
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(rows[0].size)])
    table = pd.DataFrame(rows.reshape(len(rows), -1), columns=names)
    with table_writer(out) as write:
        write(table)


def _check(data, out, csv):
    """Refuse what is wrong with the options before any file is read."""
    check_table(data, csv)
    check_table_out(out)


def _write(estimator, function, data, out, keep, csv):
    """Write what a function of a model and rows makes of a table, chunk by chunk."""
    keep = [*dict.fromkeys(keep or ())]
    # Columns that are no features keep their text. A model without names takes all columns.
    names = getattr(estimator, "feature_names_in_", keep)
    as_text = [name for name in keep if name not in names]
    features_of = Features(data, estimator)
    with table_writer(out) as write:
        for chunk in chunks_of(data, csv=csv, as_text=as_text):
            kept, X = columns_of(chunk, keep), features_of(chunk)
            result = features_of.apply(partial(function, estimator), X).set_index(chunk.index)
            for name in keep:
                if name in result:
                    raise ValueError(
                        f"--keep is {name}, but what is written has a column of that name anyway. "
                        f"Leave --keep {name} out, or rename the column of the table."
                    )
            # The features are of one type in all chunks.
            kept = kept.assign(**{name: X[name] for name in keep if name in X})
            write(pd.concat([kept, result], axis=1))
