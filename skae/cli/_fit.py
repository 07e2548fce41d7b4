"""``skae fit``."""

import ast
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae

from ._csv import PLAIN, CsvOptions
from ._features import Features
from ._formats import LONE_HYPHEN
from ._models import save_model
from ._reading import check_table, chunks_of
from ._writing import check_out

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

_OF_ENDINGS = (
    " With --standardize the model is a pipeline, which goes into a .skops file, and without it "
    "into a .skae file."
)


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
    csv: CsvOptions = PLAIN,
):
    """Fit an autoencoder or an outlier detector on a table, and write it to a file.

    Every parameter of the estimator can be set: --set n_components=8 --set max_iter=20. The
    documentation of the estimators in Python names them all; the defaults suit most tables.

    Parameters
    ----------
    data
        CSV or Parquet file, or - for CSV from the standard input. All columns count that are not
        left out with --drop, and must be numeric.
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
    csv
        How the table is written, if it is CSV.
    """
    check_out(out, ".skops" if standardize else ".skae", because=_OF_ENDINGS)
    check_table(data, csv)
    if passes is not None:
        _check_passes(passes, standardize, data)
    parameters = _parameters(set or ())
    model = _estimator(estimator, random_state, parameters)
    features_of = Features(data, drop=drop or ())
    if passes is None:
        chunks = chunks_of(data, "reading", csv=csv)
        X = pd.concat(map(features_of, chunks), ignore_index=True)
        fitted = make_pipeline(StandardScaler(), model) if standardize else model
        with _progress(model, parameters), _interruptible(model):
            fitted.fit(X)
    else:
        fitted = model
        for i in range(passes):
            for chunk in chunks_of(data, f"pass {i + 1}/{passes}", csv=csv):
                with _interruptible(model):
                    model.partial_fit(features_of(chunk))
    digest = save_model(fitted, out)
    print(f"{out}: {type(fitted).__name__} of {fitted.n_features_in_} columns, SHA-256 {digest}")


def _check_passes(passes, standardize, data):
    if passes < 1:
        raise ValueError(f"--passes is {passes}, expected at least 1.")
    if standardize:
        raise ValueError("--standardize needs the whole table, and --passes never holds it.")
    if passes > 1 and data == LONE_HYPHEN:
        raise ValueError(f"--passes is {passes}, but the standard input can be read only once.")


def _estimator(name, random_state, parameters):
    """Return an estimator with some parameters, to be fitted."""
    for parameter in parameters:
        if name == "outlier" and parameter.startswith("autoencoder__"):
            raise ValueError(
                f"--set is {parameter}, but the detector makes the network that suits the table "
                f"when it is fitted, and takes no parameters of it. To choose the network, use "
                f"skae.AutoencoderOutlierDetector(autoencoder=...) in Python."
            )
    return _ESTIMATORS[name](random_state=random_state).set_params(**parameters)


@contextmanager
def _progress(model, parameters):
    """Let an autoencoder report its epochs where someone looks, and keep no trace of it."""
    shown = hasattr(model, "verbose") and "verbose" not in parameters and sys.stderr.isatty()
    if shown:
        model.set_params(verbose=1)
    yield
    if shown:
        model.set_params(verbose=0)


@contextmanager
def _interruptible(model):
    """Stop where the keyboard interrupts training, which estimators take for an early end."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training was interrupted")
        yield
    members = getattr(model, "estimators_", [model])
    if any(member.net_.interrupted_ for member in members):
        raise KeyboardInterrupt


def _parameters(pairs):
    """Return parameters by their names, as they were given with --set."""
    parameters = {}
    for name, value in map(_parsed, pairs):
        if name in parameters:
            raise ValueError(f"--set gives {name} twice. Give each parameter one value.")
        parameters[name] = value
    return parameters


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
