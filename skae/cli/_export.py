"""``skae export``."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

import skae
from skae._atomic import write_atomically
from skae.tables import PlainTable

from ._cell_types import words_of
from ._features import Features
from ._model_files import load_model
from ._options import NO_TRUST, PLAIN, CsvOptions, TrustOptions
from ._reading import check_table, chunks_of
from ._writing import check_out

# Rows to make and check a graph with, if `data` is not given.
_N_ROWS = 16


def export(
    model: Path,
    /,
    *,
    out: Path,
    output: Literal[
        "codes", "reconstruction", "score", "prediction", "probability", "p_value", "completed"
    ] = "codes",
    quantize: bool = False,
    data: Path | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    trusted: TrustOptions = NO_TRUST,
    csv: CsvOptions = PLAIN,
) -> None:
    """Write a model as an ONNX graph, which runs without Python.

    Parameters
    ----------
    model
        File of a fitted model.
    out
        File for the graph, ending in .onnx.
    output
        The output of the graph: codes, reconstruction or score of an autoencoder; of an outlier
        detector also prediction and p_value; of a classifier, also at the end of a pipeline,
        prediction and probability, and of a regressor prediction; of an imputer completed, in
        place of codes.
    quantize
        Store weights in 8 bits: a file of a quarter of the size, somewhat less exact.
    data
        CSV or Parquet file of ordinary rows that the model was not fitted on, or - for CSV from
        the standard input. The graph is compared with the model on them, and the threshold of a
        quantized detector is found anew.
    dtype
        Type of the input. A graph of a table with text or dates has an input for each column,
        whose types are those of the table.
    """
    check_out(out, ".onnx")
    if data is not None:
        check_table(data, csv)
    estimator = load_model(model, trusted)
    X: Any
    plain = PlainTable.of(estimator)
    words = words_of(estimator)
    if data is not None:
        X = pd.concat(map(Features(data, estimator), chunks_of(data, csv=csv, words=words)))
    elif plain is not None:
        X = plain.table(plain.example(_N_ROWS))
    else:
        # Every loss is defined on 0 and 1.
        shape = _N_ROWS, estimator.n_features_in_
        X = np.random.default_rng(0).integers(2, size=shape)
        if hasattr(estimator, "feature_names_in_"):
            X = pd.DataFrame(X, columns=estimator.feature_names_in_)
    if plain is None or plain.is_numeric:
        # Words stay words.
        is_frame = isinstance(X, pd.DataFrame)
        X = X.astype(dict.fromkeys(X.select_dtypes("number"), dtype) if is_frame else dtype)
    graph = skae.to_onnx(estimator, X, output=output, quantize=quantize)
    content = graph.SerializeToString()
    write_atomically(out, content)
    rows = f"{dtype} rows" if plain is None or plain.is_numeric else "rows of several types"
    print(f"{out}: {output} of {rows}, {len(content):,} bytes")
