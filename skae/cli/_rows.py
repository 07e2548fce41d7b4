"""``skae transform``, ``reconstruct``, ``score``, ``predict`` and ``sample``."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from skae.tables import column_names

from ._answers import codes_of, decoded_table, predictions_of, reconstruction_of, scores_of
from ._cell_types import words_of
from ._features import Features, columns_of
from ._model_files import load_model
from ._options import DEFAULTS, NO_TRUST, RowOptions, TrustOptions
from ._reading import check_table, chunks_of
from ._writing import check_table_out, table_writer


def transform(model: Path, data: Path, /, *, options: RowOptions = DEFAULTS) -> None:
    """Encode the rows of a table.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file, a folder of Parquet files, or - for CSV from the standard input.
    """
    _apply(codes_of, model, data, options, ["transform"], "make codes")


def reconstruct(model: Path, data: Path, /, *, options: RowOptions = DEFAULTS) -> None:
    """Encode and decode the rows of a table: the values that the model expects in their place.

    The result has the columns of the model, so --keep must name none of them.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file, a folder of Parquet files, or - for CSV from the standard input.
    """
    methods = ["transform", "inverse_transform"]
    _apply(reconstruction_of, model, data, options, methods, "encode rows and decode them")


def score(model: Path, data: Path, /, *, options: RowOptions = DEFAULTS) -> None:
    """Score the rows of a table by how ordinary they are.

    Column "score" is higher for more ordinary rows. For an outlier detector, "p_value" says how
    often an ordinary row would be at least as unusual, and "outlier" whether the row is one by the
    detector's threshold.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file, a folder of Parquet files, or - for CSV from the standard input.
    """
    _apply(scores_of, model, data, options, ["score_samples"], "score rows")


def predict(
    model: Path, data: Path, /, *, probability: bool = False, options: RowOptions = DEFAULTS
) -> None:
    """Predict the class, the value or the cluster of the rows of a table.

    Column "prediction" holds what a classifier or a regressor predicts, or a pipeline that ends in
    one or in a clusterer. For an outlier detector it is 1 for ordinary rows and -1 for outliers.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file, a folder of Parquet files, or - for CSV from the standard input.
    probability
        Write the probability of each class, too, in a column for each: "probability_a" for class a.
    """
    if probability:
        methods, does = ["predict", "predict_proba"], "give probabilities"
    else:
        methods, does = ["predict"], "predict"
    answer = partial(predictions_of, probability=probability)
    _apply(answer, model, data, options, methods, does)


def sample(
    model: Path,
    /,
    *,
    n_samples: int = 10,
    out: Path | None = None,
    random_state: int | None = None,
    trusted: TrustOptions = NO_TRUST,
) -> None:
    """Generate rows like those that a model was fitted on.

    Parameters
    ----------
    model
        File of a fitted autoencoder.
    n_samples
        Number of rows.
    out
        CSV or Parquet file for the rows. Without it, or with -, the command writes CSV to the
        standard output.
    random_state
        Seed, to get the same rows again.
    """
    check_table_out(out)
    estimator = load_model(model, trusted, ["sample"], "generate rows")
    rows = estimator.sample(n_samples, random_state=random_state)
    with table_writer(out) as write:
        write(decoded_table(estimator, rows, column_names(estimator, estimator.n_features_in_)))


def _apply(
    answer: Callable[[Any, pd.DataFrame], pd.DataFrame],
    model: Path,
    data: Path,
    options: RowOptions,
    methods: list[str],
    does: str,
) -> None:
    """Write the results of a function of a model and the rows of a table, chunk by chunk.

    The model must have the methods; `does` says in words what they do.
    """
    check_table(data, options.csv)
    check_table_out(options.out)
    estimator = load_model(model, options.trusted, methods, does)
    keep = [*dict.fromkeys(options.keep or ())]
    # Columns that are no features keep their text. A model without names takes all columns.
    names = getattr(estimator, "feature_names_in_", keep)
    as_text = [name for name in keep if name not in names]
    features_of = Features(data, estimator)
    with table_writer(options.out) as write:
        words = words_of(estimator)
        for chunk in chunks_of(data, csv=options.csv, as_text=as_text, words=words):
            kept, X = columns_of(chunk, keep), features_of(chunk)
            result = features_of.apply(partial(answer, estimator), X).set_index(chunk.index)
            for name in keep:
                if name in result:
                    raise ValueError(
                        f"--keep is {name}, but what is written has a column of that name anyway. "
                        f"Leave --keep {name} out, or rename the column of the table."
                    )
            # Features have one type in all chunks.
            kept = kept.assign(**{name: X[name] for name in keep if name in X})
            write(pd.concat([kept, result], axis=1))
