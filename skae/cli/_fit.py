"""``skae fit``."""

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.tables import AnswersInParts, source_of

from ._cell_types import is_text
from ._features import Features
from ._model_files import nets_of, save_model
from ._options import PLAIN, CsvOptions
from ._reading import check_table, chunks_of
from ._table_files import LONE_HYPHEN, is_parquet
from ._target import check_target, labels_of
from ._writing import check_out


def _needs_nothing(estimator: type) -> bool:
    return all(p.default is not p.empty for p in signature(estimator).parameters.values())


# The estimators of skae that can be made without another one, by short names: "nested", "outlier".
ESTIMATORS: dict[str, type[BaseEstimator]] = {
    re.sub("Autoencoder|Detector", "", public.__name__).lower(): public
    for public in (getattr(skae, name) for name in skae.__all__)
    if isinstance(public, type) and issubclass(public, BaseEstimator) and _needs_nothing(public)
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
    estimator: Literal[tuple(sorted(ESTIMATORS))] = "transformer",  # type: ignore[valid-type]
    target: str | None = None,
    set: list[str] | None = None,
    drop: list[str] | None = None,
    standardize: bool = False,
    passes: int | None = None,
    random_state: int | None = None,
    csv: CsvOptions = PLAIN,
) -> None:
    """Fit an autoencoder, or an estimator that uses one, on a table, and write it to a file.

    Every parameter of the estimator can be set: --set n_components=8 --set max_iter=20. The
    documentation of the estimators in Python names them all; the defaults suit most tables.

    Parameters
    ----------
    data
        CSV or Parquet file, a folder of Parquet files, or - for CSV from the standard input. All
        columns but those left out with --drop count. Text and truth values are categories, dates
        are those of ISO 8601 (2024-12-31, also with a time), and cells may be empty.
        "convolutional" takes numbers only.
    out
        Where the model goes: a file ending in .skae, or in .skops with --standardize.
    estimator
        The estimator to fit. "outlier" finds unusual rows, "imputer" fills empty cells, with
        `skae transform`, "classifier" and "regressor" learn the column --target and give it, with
        `skae predict`, to other rows, and the others make codes.
    target
        The column with the labels, for "classifier" text, whole numbers or truth values, and for
        "regressor" numbers. Rows without a label help, too: their cells are empty, or -1 for
        "classifier".
    set
        A parameter of the estimator, as name=value; may be given several times.
    drop
        A column to leave out, such as a label; may be given several times.
    standardize
        First bring all columns to mean zero and variance one; use it for columns of different
        units. The "outlier" detector does so itself, and so does any estimator where columns hold
        text, dates or gaps.
    passes
        Number of times to train on the table chunk by chunk, never holding all of it in memory.
        The first rows tell the types and the categories of the columns. Without it CSV is read as a
        whole, Parquet part by part by autoencoders and "outlier", and the estimator decides when
        to stop.
    random_state
        Seed, to get the same model again.
    """
    check_out(out, ".skops" if standardize else ".skae", because=_OF_ENDINGS)
    check_table(data, csv)
    if passes is not None:
        _check_passes(passes, standardize, data)
    parameters = _parameters(set or ())
    model: Any = ESTIMATORS[estimator](random_state=random_state)
    model.set_params(**parameters)
    check_target(target, estimator, model, drop or (), passes)
    left_out = (*(drop or ()), *([] if target is None else [target]))
    features_of = Features(data, model, left_out, numbers_only=standardize)
    fitted: Any = make_pipeline(StandardScaler(), model) if standardize else model
    takes_parts = is_parquet(data) and isinstance(fitted, AnswersInParts)
    if passes is None and takes_parts:
        with closing(chunks_of(data, "first rows")) as first_rows:
            # Columns that the model does not take are refused before training.
            features_of(next(first_rows))
        with _progress(model, parameters), _interruptible(model):
            fitted.fit(_Columns(data, left_out))
    elif passes is None:
        chunks = [*chunks_of(data, "reading", csv=csv, whole=True)]
        table = pd.concat(chunks, ignore_index=True)
        y = None if target is None else labels_of(table, target, model)
        X = features_of(table)
        with _progress(model, parameters), _interruptible(model):
            fitted.fit(X, y)
    else:
        words = _words_of_first_rows(data, csv)
        for i in range(passes):
            for chunk in chunks_of(data, f"pass {i + 1}/{passes}", csv=csv, words=words):
                X = features_of(chunk)
                with _interruptible(model):
                    features_of.apply(model.partial_fit, X)
    digest = save_model(fitted, out)
    print(f"{out}: {type(fitted).__name__} of {fitted.n_features_in_} columns, SHA-256 {digest}")


class _Columns:
    """A table of Parquet without some of its columns, which an estimator reads part by part."""

    def __init__(self, data: Path, left_out: Collection[str]) -> None:
        source: Any = source_of(data)
        self.name, self._source, self._left_out = source.name, source, [*left_out]

    def count_rows(self) -> int | None:
        """Return the number of rows."""
        return self._source.count_rows()

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order, as tables of Arrow."""
        for part in self._source.parts():
            yield part.drop_columns(self._left_out)


def _check_passes(passes: int, standardize: bool, data: Path) -> None:
    if passes < 1:
        raise ValueError(f"--passes is {passes}, expected at least 1.")
    if standardize:
        raise ValueError("--standardize needs the whole table, and --passes never holds it.")
    if passes > 1 and data == LONE_HYPHEN:
        raise ValueError(f"--passes is {passes}, but the standard input can be read only once.")


def _words_of_first_rows(data: Path, csv: CsvOptions) -> list[str]:
    """Return the columns that hold text in the first rows: later rows may look like numbers."""
    if data == LONE_HYPHEN or is_parquet(data):
        # The one is read once only, the other knows its types.
        return []
    with closing(chunks_of(data, "first rows", csv=csv)) as chunks:
        return [name for name, column in next(chunks).items() if is_text(column)]


def _parameters(pairs: Iterable[str]) -> dict[str, Any]:
    """Return the values given with --set as name=value, by their names."""
    parameters = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set is {pair!r}, expected name=value, as in n_components=8.")
        if name in parameters:
            raise ValueError(f"--set gives {name} twice. Give each parameter one value.")
        try:
            parameters[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            # Words need no quotes.
            parameters[name] = text
    return parameters


@contextmanager
def _progress(model: Any, parameters: dict[str, Any]) -> Iterator[None]:
    """Let an autoencoder report its epochs on a terminal, and keep no trace of that."""
    shown = hasattr(model, "verbose") and "verbose" not in parameters and sys.stderr.isatty()
    if shown:
        model.set_params(verbose=1)
    yield
    if shown:
        model.set_params(verbose=0)


@contextmanager
def _interruptible(model: Any) -> Iterator[None]:
    """Raise KeyboardInterrupt where the keyboard interrupts training, which estimators catch."""
    told = "Training was interrupted"
    with warnings.catch_warnings():
        # Estimators with several trainings would begin the next one.
        warnings.filterwarnings("error", told)
        try:
            yield
        except UserWarning as warning:
            if str(warning).startswith(told):
                raise KeyboardInterrupt from warning
            raise
    # A net that was copied after training does not know.
    if any(getattr(net, "interrupted_", False) for net in nets_of(model)):
        raise KeyboardInterrupt
