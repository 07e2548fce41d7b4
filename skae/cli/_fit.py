"""``skae fit``."""

import ast
import sys
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae

from ._models import save_model
from ._tables import chunks_of, features_of

_ESTIMATORS = {
    "transformer": skae.AutoencoderTransformer,
    "nested": skae.NestedAutoencoder,
    "denoising": skae.DenoisingAutoencoder,
    "sparse": skae.SparseAutoencoder,
    "contractive": skae.ContractiveAutoencoder,
    "variational": skae.VariationalAutoencoder,
    "adversarial": skae.AdversarialAutoencoder,
    "convolutional": skae.ConvolutionalAutoencoder,
    "outlier": skae.AutoencoderOutlierDetector,
}


def fit(
    data: Path,
    /,
    *,
    out: Path,
    estimator: Literal[
        "transformer",
        "nested",
        "denoising",
        "sparse",
        "contractive",
        "variational",
        "adversarial",
        "convolutional",
        "outlier",
    ] = "transformer",
    set: list[str] | None = None,
    drop: list[str] | None = None,
    standardize: bool = False,
    passes: int | None = None,
    random_state: int | None = None,
):
    """Fit an autoencoder or an outlier detector on a table, and write it to a file.

    Every parameter of the estimator can be set: --set n_components=8 --set max_iter=20. The
    documentation of the estimators in Python names them all; the defaults suit most tables.

    Parameters
    ----------
    data
        CSV or Parquet file. All columns count, and must be numeric.
    out
        Where the model goes: a file ending in .skae, or in .skops with --standardize.
    estimator
        What to fit. "outlier" finds unusual rows, the others make codes.
    set
        A parameter of the estimator, as name=value; may be given several times.
    drop
        A column to leave out, such as a label; may be given several times.
    standardize
        Bring all columns to mean zero and variance one before, as they should be if they have
        different units. The "outlier" detector does so itself.
    passes
        Train on the table chunk by chunk, so many times, and never hold all of it in memory.
        Without it the table is read as a whole, and the estimator decides when it is done.
    random_state
        Seed, to get the same model again.
    """
    if out.suffix != (".skops" if standardize else ".skae"):
        ending = ".skops" if standardize else ".skae"
        raise ValueError(
            f"--out is {out}, expected a name that ends in {ending}: with --standardize the model "
            f"is a pipeline, which goes into a .skops file, and without it into a .skae file."
        )
    if standardize and passes is not None:
        raise ValueError("--standardize needs the whole table, and --passes never holds it.")
    if passes is not None and passes < 1:
        raise ValueError(f"--passes is {passes}, expected at least 1.")
    model = _ESTIMATORS[estimator]()
    if random_state is not None:
        model.set_params(random_state=random_state)
    if estimator != "outlier" and sys.stderr.isatty():
        model.set_params(verbose=1)
    model.set_params(**dict(_parsed(pair) for pair in set or ()))
    drop = drop or ()
    if passes is None:
        model = make_pipeline(StandardScaler(), model) if standardize else model
        chunks = [features_of(chunk, drop=drop) for chunk in chunks_of(data, "reading")]
        model.fit(pd.concat(chunks, ignore_index=True))
    else:
        for i in range(passes):
            for chunk in chunks_of(data, f"pass {i + 1}/{passes}"):
                model.partial_fit(features_of(chunk, drop=drop))
    digest = save_model(model, out)
    print(f"{out}: {model.__class__.__name__} of {model.n_features_in_} columns, SHA-256 {digest}")


def _parsed(pair):
    """Return name and value of what was given as ``name=value``."""
    name, equals, text = pair.partition("=")
    if not equals:
        raise ValueError(f"--set is {pair!r}, expected name=value, as in n_components=8.")
    try:
        return name, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # Words need no quotes.
        return name, text
