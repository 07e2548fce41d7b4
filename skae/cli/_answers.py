"""Answers of fitted models about the rows of a table, as tables."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from skae._fitted import reconstruct
from skae.tables import PlainTable, dense


def codes_of(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the codes of rows."""
    return pd.DataFrame(
        dense(model.transform(_rows(model, X))), columns=model.get_feature_names_out()
    )


def reconstruction_of(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return encoded and decoded rows, with the columns of the rows."""
    return decoded_table(model, reconstruct(model, _rows(model, X)), X.columns)


def decoded_table(model: Any, rows: Any, names: Any) -> pd.DataFrame:
    """Return decoded rows as a table of such columns; images and windows are rows of one."""
    plain = PlainTable.of(model)
    if plain is None:
        return pd.DataFrame(np.asarray(rows).reshape(len(rows), -1), columns=names)
    table = nw.from_native(rows).to_pandas() if hasattr(rows, "columns") else pd.DataFrame(rows)
    # Whole numbers and truth values may have come in a type that holds gaps.
    types = {
        name: one.decoded_dtype
        for name, one in zip(table.columns, plain.columns, strict=True)
        if one.decoded_dtype.kind in "ib"
    }
    return table.astype(types).set_axis(names, axis=1)


def scores_of(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of rows and, for an outlier detector, p-values and outliers."""
    last, rows = model, _rows(model, X)
    if isinstance(model, Pipeline):
        last, rows = model[-1], model[:-1].transform(rows) if len(model) > 1 else rows
    scores = pd.DataFrame({"score": np.asarray(last.score_samples(rows))})
    if hasattr(last, "p_values"):
        scores["p_value"] = last.p_values(rows)
    if hasattr(last, "offset_"):
        scores["outlier"] = scores["score"] < last.offset_
    return scores


def predictions_of(model: Any, X: pd.DataFrame, probability: bool = False) -> pd.DataFrame:
    """Return predictions and, if asked for, probabilities of classes, for each output."""
    rows = _rows(model, X)
    predictions = np.asarray(model.predict(rows))
    if predictions.ndim == 1:
        tables = [pd.DataFrame({"prediction": predictions})]
    else:
        tables = [pd.DataFrame(predictions).add_prefix("prediction_")]
    if probability:
        probabilities = model.predict_proba(rows)
        if isinstance(probabilities, list):
            for i, (one, names) in enumerate(zip(probabilities, model.classes_, strict=True)):
                tables.append(pd.DataFrame(one, columns=names).add_prefix(f"probability_{i}_"))
        else:
            columns = model.classes_
            tables.append(pd.DataFrame(probabilities, columns=columns).add_prefix("probability_"))
    return pd.concat(tables, axis=1)


def _rows(model: Any, X: pd.DataFrame) -> Any:
    """Return a table as the model was fitted on one: an array if it knows no names."""
    return X if hasattr(model, "feature_names_in_") else X.to_numpy()
