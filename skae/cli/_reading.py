"""Tables from files, chunk by chunk."""

import shlex
import sys
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from skae._extras import require

# Rows that are in memory at a time.
CHUNK = 10_000

# What "-" stands for on the command line.
STANDARD_INPUT = Path("/dev/stdin")

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_SEPARATORS = ",;\t|"


def chunks_of(path, what="rows", *, sep=",", as_text=()):
    r"""Yield a table in parts, with a progress bar where someone looks.

    Parameters
    ----------
    path : Path
        CSV or Parquet, or `STANDARD_INPUT` for CSV from there.
    what : str
        Stands before the bar.
    sep : str
        What separates the fields of CSV, a single character; "\t", as shells hand it over, is a
        tab.
    as_text : collection of str
        Names of columns of CSV to read as they are written. The index of a Parquet file is a
        column only if its name is here.

    Yields
    ------
    chunk : DataFrame
        The next rows, `CHUNK` at most, indexed from the beginning of the table.

    Raises
    ------
    ValueError
        If the file has no rows, or is no table.
    """
    n_rows = 0
    with ExitStack() as stack:
        with _errors_that_name(path):
            open_table = _open_csv if _is_csv(path) else _open_parquet
            chunks, total = open_table(stack, path, sep, as_text)
        # A bar on the standard error, unless that is a file.
        bar = stack.enter_context(tqdm(desc=what, total=total, unit=" rows", disable=None))
        while True:
            with _errors_that_name(path):
                chunk = next(chunks, None)
            if chunk is None:
                break
            if chunk.empty:
                continue
            chunk.index = range(n_rows, n_rows + len(chunk))
            yield chunk
            bar.update(len(chunk))
            n_rows += len(chunk)
    if n_rows == 0:
        raise ValueError(f"{path} has no rows.")


def _is_csv(path):
    name = path.name.lower()
    # Compressed CSV is CSV to pandas.
    if path == STANDARD_INPUT or name.endswith((".csv", *(f".csv{c}" for c in _COMPRESSED))):
        return True
    if name.endswith(".parquet"):
        return False
    raise ValueError(
        "it is neither CSV nor Parquet by its name, expected one that ends in .csv or .parquet"
    )


@contextmanager
def _errors_that_name(path):
    """Say of which file an error in reading it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except pd.errors.ParserWarning as warning:
        raise ValueError(
            f"{path} cannot be read: its rows have more fields than its header. Give each column a "
            f"name, put values that hold the separator into quotes, or name another separator with "
            f"--sep."
        ) from warning
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {str(error).strip()}.") from error


def _open_csv(stack, path, sep, as_text):
    """Return an iterator over the chunks, and that nobody knows how many rows there are."""
    sep = sep.replace("\\t", "\t")
    if len(sep) != 1 or not sep.isascii():
        raise ValueError(f"--sep is {sep!r}, expected a single character such as ';'")
    reader = pd.read_csv(
        sys.stdin.buffer if path == STANDARD_INPUT else path,
        sep=sep,
        # Otherwise the first field of rows that are too long becomes an index.
        index_col=False,
        chunksize=CHUNK,
        # Types are those of a chunk, not of parts of it.
        low_memory=False,
        # As text, "NA" would be a gap, but not as bytes.
        converters=dict.fromkeys(as_text, str.encode),
    )
    return (_of_csv(chunk, sep, as_text) for chunk in stack.enter_context(reader)), None


def _of_csv(chunk, sep, as_text):
    if chunk.shape[1] == 1:
        _check_separator(chunk.columns[0], *chunk.iloc[:1, 0].astype(str), sep=sep)
    texts = {name: chunk[name].str.decode("utf-8") for name in as_text if name in chunk}
    return chunk.assign(**texts)


def _check_separator(*cells, sep):
    """Refuse a table of one column that seems to be made of several."""
    for other in _SEPARATORS.replace(sep, ""):
        if all(other in cell for cell in cells):
            raise ValueError(
                f"its only column is {cells[0]!r}. If {other!r} separates the columns, add "
                f"--sep {other!r}"
            )


def _open_parquet(stack, path, sep, as_text):
    """Return an iterator over the chunks, and the number of rows."""
    file = stack.enter_context(require("pyarrow.parquet", "cli").ParquetFile(path))
    metadata = file.schema_arrow.pandas_metadata or {}
    index = [n for n in metadata.get("index_columns", ()) if isinstance(n, str)]
    chunks = (
        # In Arrow's own types keys with gaps stay whole numbers, and text without any stays text.
        batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True).drop(
            columns=[name for name in index if name not in as_text]
        )
        for batch in file.iter_batches(batch_size=CHUNK)
    )
    return chunks, file.metadata.num_rows


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


def features_of(chunk, model=None, drop=()):
    """Return the columns that a model takes, as numbers.

    Parameters
    ----------
    chunk : DataFrame
        Some rows.
    model : estimator or None
        One that is fitted takes the columns whose names it knows, or all if it knows none. None
        takes all to fit one.
    drop : collection of str
        Names of columns to leave out.

    Returns
    -------
    features : DataFrame
        In float64.

    Raises
    ------
    ValueError
        If a column is missing, is not numeric, or has gaps.
    """
    columns_of(chunk, drop)
    names = getattr(model, "feature_names_in_", None)
    features = chunk.drop(columns=[*drop]) if names is None else columns_of(chunk, names)
    for name, column in features.items():
        if pd.api.types.is_numeric_dtype(column):
            continue
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        not_numbers = column.notna() & numbers.isna()
        if not_numbers.any() or pd.api.types.is_string_dtype(column):
            raise ValueError(
                f"Column {name!r} is not numeric: row {not_numbers.idxmax()}, counted from 0, "
                f"holds {column[not_numbers.idxmax()]!r}. Make it a number before"
                f"{_or_drop(name, model)}."
            )
    features = features.astype("float64")
    for name, gaps in features.isna().items():
        if gaps.any():
            raise ValueError(
                f"Column {name!r} has no value in row {gaps.idxmax()}, counted from 0. Fill the "
                f"gap before{_or_drop(name, model)}."
            )
    return features


def _or_drop(name, model):
    return f", or leave the column out with --drop {shlex.quote(name)}" if model is None else ""
