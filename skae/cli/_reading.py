"""Tables from files, chunk by chunk."""

import lzma
import warnings
import zlib
from contextlib import ExitStack, contextmanager
from csv import Error as CsvError

import pandas as pd
from tqdm import tqdm

from skae._extras import require

from ._csv import PLAIN, check_names, check_options, open_csv
from ._formats import LONE_HYPHEN, TABLES_IN_WORDS, is_parquet, is_table

# Rows that are in memory at a time.
CHUNK = 10_000

# Errors that readers raise for a file whose content does not match its name.
_DAMAGES = (ValueError, EOFError, OSError, lzma.LZMAError, zlib.error, CsvError)


def chunks_of(path, what="rows", *, csv=PLAIN, as_text=()):
    """Yield a table in parts, with a progress bar where someone looks.

    Parameters
    ----------
    path : Path
        CSV or Parquet, or `LONE_HYPHEN` for CSV from the standard input.
    what : str
        Stands before the bar.
    csv : CsvOptions
        How it is written, if it is CSV.
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
        If the file has no rows, or is no table, or an option is wrong.
    """
    check_table(path, csv)
    n_rows = 0
    with ExitStack() as stack:
        with _errors_that_name(path):
            if is_parquet(path):
                chunks, total = _open_parquet(stack, path, as_text)
            else:
                chunks, total = open_csv(stack, path, csv, as_text, CHUNK)
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
        raise ValueError(f"{_words(path)} has no rows.")


def check_table(path, csv):
    """Refuse what is no table by its name, and options that it cannot be read with.

    Parameters
    ----------
    path : Path
    csv : CsvOptions

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    if path != LONE_HYPHEN and not is_table(path):
        raise ValueError(
            f"{path} cannot be read: it is neither CSV nor Parquet by its name, expected one that "
            f"ends in {TABLES_IN_WORDS}."
        )
    if not is_parquet(path):
        check_options(csv, path)
    elif csv != PLAIN:
        raise ValueError(
            f"{path} is Parquet, and options of CSV are set: leave out --sep, --decimal, "
            f"--encoding and --no-header."
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
            f"{_words(path)} cannot be read: its rows have more fields than its header. Give each "
            f"column a name, put values that hold the separator into quotes, or name another "
            f"separator with --sep."
        ) from warning
    except UnicodeError as error:
        raise ValueError(
            f"{_words(path)} cannot be read: {error}. Name the encoding of its text with "
            f"--encoding, such as --encoding latin-1."
        ) from error
    except _DAMAGES as error:
        if getattr(error, "filename", None) is not None:
            # There is no such file, or it may not be read.
            raise
        raise ValueError(f"{_words(path)} cannot be read: {str(error).strip()}.") from error


def _words(path):
    return "The standard input" if path == LONE_HYPHEN else str(path)


def _open_parquet(stack, path, as_text):
    """Return an iterator over the chunks, and the number of rows."""
    file = stack.enter_context(require("pyarrow.parquet", "cli").ParquetFile(path))
    check_names(file.schema_arrow.names)
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
