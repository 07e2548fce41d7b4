"""The columns of a table that a model takes."""

import re
import shlex
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import get_tags

import skae
from skae.tables import PlainTable

from ._cell_types import inferred, is_of_numbers, typed
from ._csv import is_number
from ._messages import warn
from ._table_files import is_parquet

# Names that pandas gives to an index without a name.
_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
_ROW = re.compile(r"\b([Rr]ow) (\d+)")


def columns_of(chunk: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return columns of a table by their names, all of which must be there."""
    absent = [name for name in names if name not in chunk]
    if absent:
        there = ", ".join(map(str, chunk.columns))
        raise ValueError(f"The table has no column {absent[0]!r}. It has: {there}.")
    return chunk[[*names]]


class Features:
    """The columns of a table that a model takes, chunk by chunk.

    A fitted model takes the columns whose names it knows, or all if it knows none, in the types
    that it was fitted on. An estimator that is to be fitted takes all columns but those to drop,
    in the types that the file tells; with `numbers_only` no words.
    """

    def __init__(
        self, data: Path, model: Any, drop: Collection[str] = (), numbers_only: bool = False
    ) -> None:
        self._data, self._model, self._drop = data, model, drop
        self._fits = not hasattr(model, "n_features_in_")
        self._names = None if self._fits else getattr(model, "feature_names_in_", None)
        # Other estimators may take words and gaps, and refuse them themselves if they do not.
        self._of_skae = getattr(skae, type(model).__name__, None) is type(model)
        tags = get_tags(model).input_tags if self._of_skae else None
        self._takes_words = tags is None or (self._fits and tags.string and not numbers_only)
        self._takes_gaps = tags is None or tags.allow_nan
        # Of each column whether it holds numbers; of one that was empty so far nothing is known.
        self._are_numbers: dict[Any, bool] = {}
        self._warned = False

    def __call__(self, chunk: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of a chunk that the model takes.

        They are of float64 if all are numbers. Otherwise they have the types of the table that the
        model was fitted on, and for an estimator that is not of skae words are objects. Words and
        gaps are refused for an estimator of skae that does not take them.
        """
        columns_of(chunk, self._drop)
        if self._names is None:
            features = chunk.drop(columns=[*self._drop])
            if features.empty:
                raise ValueError(f"No column of {self._data} is left: --drop names all of them.")
        else:
            features = columns_of(chunk, self._names)
        plain = PlainTable.of(self._model)
        if plain is not None:
            # The model refuses another number of columns.
            same_width = features.shape[1] == len(plain.columns)
            return typed(features, plain) if same_width else features
        if not self._takes_words or not self._takes_gaps:
            self._check_numbers(features)
        if self._names is None and not self._warned:
            self._warn(features.columns)
        if self._of_skae and self._takes_words:
            # Parquet knows its types.
            features = features if is_parquet(self._data) else inferred(features)
            if not is_of_numbers(features):
                return features
        return self._same_types(features.apply(_plain))

    def apply(
        self, function: Callable[[pd.DataFrame], pd.DataFrame], features: pd.DataFrame
    ) -> pd.DataFrame:
        """Return what a function gives for features; its errors name the cell they are about."""
        try:
            return function(features)
        except ValueError as error:
            if PlainTable.of(self._model) is not None:
                # It counts the rows of a chunk.
                start = features.index[0]
                message = _ROW.sub(lambda one: f"{one[1]} {int(one[2]) + start}", str(error))
                raise ValueError(message) from error
            for name, column in features.items():
                cells = column.isna() if "NaN" in str(error) else _quoted(column, str(error))
                if cells.any():
                    raise ValueError(
                        f"Column {name!r}, row {cells.idxmax()}, counted from 0: {error}"
                    ) from error
            raise
        except TypeError as error:
            if self._of_skae:
                raise
            # scikit-learn compares numbers with the words that it was fitted on.
            words = [name for name, column in features.items() if column.dtype != float]
            raise ValueError(
                f"The model takes columns of other types: of this table {words or 'no columns'} "
                f"are read as words, and all others as numbers ({error}). Write the table as "
                f"Parquet, which knows the types of its columns."
            ) from error

    def _same_types(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return features in the types of earlier chunks, and refuse those that changed."""
        for name, column in features.items():
            if column.isna().all():
                continue
            is_number = column.dtype == float
            if self._are_numbers.setdefault(name, is_number) != is_number:
                raise ValueError(
                    f"Column {name!r} holds numbers in some rows and words in others: its type "
                    f"changes in or after row {features.index[0]}, counted from 0. Make it one of "
                    f"both, or write the table as Parquet, which knows the types of its columns."
                )
        words = [name for name in features if not self._are_numbers.get(name, True)]
        return features.astype(dict.fromkeys(words, object))

    def _warn(self, names: Iterable[str]) -> None:
        """Warn of names that seem to be row numbers or values."""
        self._warned = True
        for name in names:
            if _INDEX.fullmatch(name):
                warn(
                    f"column {name!r} of {self._data} has the name that pandas gives to row "
                    f"numbers, and is a feature of the model. Leave it out"
                    f"{self._with_drop(name) or ', and write tables with index=False'}."
                )
        if not is_parquet(self._data) and all(map(is_number, names)):
            warn(
                f"the first line of {self._data} is taken for the names of its columns, and holds "
                f"only numbers, such as {next(iter(names))}. If it is a row, add --no-header."
            )

    def _check_numbers(self, features: pd.DataFrame) -> None:
        """Raise an error for a cell that is no number, or else for a gap, if none may be there."""
        for name, column in features.items():
            if pd.api.types.is_numeric_dtype(column) or self._takes_words:
                continue
            numbers = pd.to_numeric(column, errors="coerce").astype("float64")
            not_numbers = column.notna() & numbers.isna()
            if not_numbers.any() or pd.api.types.is_string_dtype(column):
                place = int(not_numbers.argmax())
                cell = column.iloc[place]
                comma = isinstance(cell, str) and _COMMA.fullmatch(cell)
                raise ValueError(
                    f"Column {name!r} is not numeric: row {column.index[place]}, counted from 0, "
                    f"holds {cell!r}. Make it a number before{self._or_drop(name)}."
                    + (" If ',' stands before its decimals, add --decimal ','." if comma else "")
                )
        for name, column in features.items():
            gaps = column.isna() | (column != column)
            if gaps.any() and not self._takes_gaps:
                raise ValueError(
                    f"Column {name!r} has no value in row {gaps.idxmax()}, counted from 0. Fill "
                    f"the gap before{self._or_drop(name)}."
                )

    def _with_drop(self, name: Any) -> str:
        return f" with --drop {shlex.quote(name)}" if self._fits else ""

    def _or_drop(self, name: Any) -> str:
        advice = self._with_drop(name)
        return f", or leave the column out{advice}" if advice else ""


def _plain(column: pd.Series) -> pd.Series:
    """Return a column as pandas reads it by itself: float64, or objects with NaN for gaps."""
    is_boolean = pd.api.types.infer_dtype(column, skipna=True) == "boolean"
    if is_boolean or pd.api.types.is_numeric_dtype(column) or column.isna().all():
        return column.astype("float64")
    return column.astype(object).where(column.notna(), np.nan)


def _quoted(column: pd.Series, message: str) -> pd.Series:
    """Return which words of a column a message quotes."""
    if column.dtype == float:
        return pd.Series(False, column.index)
    return column.map(lambda cell: repr(cell) in message)
