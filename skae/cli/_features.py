"""The columns of a table that a model takes."""

import re
import shlex

import numpy as np
import pandas as pd

from skae.persistence._registry import estimators

from ._csv import is_number
from ._formats import is_parquet
from ._messages import warn

# How pandas calls an index that was written without a name.
_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")


def columns_of(chunk, names):
    """Return columns of a table by their names.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    absent = [name for name in names if name not in chunk]
    if absent:
        there = ", ".join(map(str, chunk.columns))
        raise ValueError(f"The table has no column {absent[0]!r}. It has: {there}.")
    return chunk[[*names]]


class Features:
    """The columns that a model takes, chunk by chunk.

    Parameters
    ----------
    data : Path
        The table.
    model : estimator or None, default=None
        One that is fitted takes the columns whose names it knows, or all if it knows none. None
        takes all to fit an estimator of skae.
    drop : collection of str, default=()
        Names of columns to leave out.
    """

    def __init__(self, data, model=None, drop=()):
        self._data, self._model, self._drop = data, model, drop
        self._names = getattr(model, "feature_names_in_", None)
        # Other estimators may take words and gaps, and say so themselves if they do not.
        self._numbers_only = model is None or type(model) in estimators().values()
        self._are_numbers = {}
        self._warned = False

    def __call__(self, chunk):
        """Return the columns that the model takes.

        Parameters
        ----------
        chunk : DataFrame
            Some rows.

        Returns
        -------
        features : DataFrame
            Numbers in float64. Only what is not of skae gets others, too.

        Raises
        ------
        ValueError
            If a column is missing or holds numbers in some chunks only, or if an estimator of skae
            is given one that is not numeric or has gaps.
        """
        columns_of(chunk, self._drop)
        if self._names is None:
            features = chunk.drop(columns=[*self._drop])
            if features.empty:
                raise ValueError(f"No column of {self._data} is left: --drop names all of them.")
        else:
            features = columns_of(chunk, self._names)
        if self._numbers_only:
            self._check_numbers(features)
        if self._names is None and not self._warned:
            self._warn(features.columns)
        return self._same_types(features.apply(_plain))

    def apply(self, function, features):
        """Return what a function makes of features; an error names the cell that it is about.

        Parameters
        ----------
        function : callable
            Takes the features.
        features : DataFrame
            What calling this object returned.

        Returns
        -------
        result : object

        Raises
        ------
        ValueError
            If the function raises it, or a TypeError.
        """
        try:
            return function(features)
        except ValueError as error:
            for name, column in features.items():
                cells = column.isna() if "NaN" in str(error) else _quoted(column, str(error))
                if cells.any():
                    raise ValueError(
                        f"Column {name!r}, row {cells.idxmax()}, counted from 0: {error}"
                    ) from error
            raise
        except TypeError as error:
            if self._numbers_only:
                raise
            # scikit-learn compares numbers with the words that it was fitted on.
            words = [name for name, column in features.items() if column.dtype != float]
            raise ValueError(
                f"The model takes columns of other types: of this table {words or 'no columns'} "
                f"are read as words, and all others as numbers ({error}). Write the table as "
                f"Parquet, which knows the types of its columns."
            ) from error

    def _same_types(self, features):
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

    def _warn(self, names):
        """Warn of names that seem to be none."""
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
                f"only numbers, such as {names[0]}. If it is a row, add --no-header."
            )

    def _check_numbers(self, features):
        """Raise an error for the first cell that is no number."""
        for name, column in features.items():
            if pd.api.types.is_numeric_dtype(column):
                continue
            numbers = pd.to_numeric(column, errors="coerce").astype("float64")
            not_numbers = column.notna() & numbers.isna()
            if not_numbers.any() or pd.api.types.is_string_dtype(column):
                row = not_numbers.idxmax()
                cell = column[row]
                comma = isinstance(cell, str) and _COMMA.fullmatch(cell)
                raise ValueError(
                    f"Column {name!r} is not numeric: row {row}, counted from 0, holds {cell!r}. "
                    f"Make it a number before{self._or_drop(name)}."
                    + (" If ',' stands before its decimals, add --decimal ','." if comma else "")
                )
        for name, column in features.items():
            gaps = column.astype("float64").isna()
            if gaps.any():
                raise ValueError(
                    f"Column {name!r} has no value in row {gaps.idxmax()}, counted from 0. Fill "
                    f"the gap before{self._or_drop(name)}."
                )

    def _with_drop(self, name):
        return f" with --drop {shlex.quote(name)}" if self._model is None else ""

    def _or_drop(self, name):
        advice = self._with_drop(name)
        return f", or leave the column out{advice}" if advice else ""


def _plain(column):
    """Return a column as pandas reads it by itself: float64, or objects with NaN for gaps."""
    is_boolean = pd.api.types.infer_dtype(column, skipna=True) == "boolean"
    if is_boolean or pd.api.types.is_numeric_dtype(column) or column.isna().all():
        return column.astype("float64")
    return column.astype(object).where(column.notna(), np.nan)


def _quoted(column, message):
    """Return which words of a column a message quotes."""
    if column.dtype == float:
        return pd.Series(False, column.index)
    return column.map(lambda cell: repr(cell) in message)
