"""Tables from files, chunk by chunk."""

import lzma
import warnings
import zlib
from collections.abc import Collection, Generator, Iterator
from contextlib import ExitStack, contextmanager
from csv import Error as CsvError
from pathlib import Path
from typing import Any

import pandas as pd

from skae._extras import require
from skae._progress import open_bar
from skae.tables import source_of

from ._csv import check_names, check_options, open_csv
from ._options import PLAIN, CsvOptions
from ._table_files import ENDINGS_IN_WORDS, LONE_HYPHEN, is_parquet, is_table

# Rows that are in memory at a time.
CHUNK = 10_000

# More than any table has.
_ALL = 2**31 - 1

# Errors that readers raise for a file whose content does not match its name.
_DAMAGES = (ValueError, EOFError, OSError, lzma.LZMAError, zlib.error, CsvError)


def chunks_of(
    path: Path,
    label: str = "rows",
    *,
    csv: CsvOptions = PLAIN,
    as_text: Collection[str] = (),
    words: Collection[str] = (),
    whole: bool = False,
) -> Generator[pd.DataFrame]:
    """Yield a table in chunks of at most `CHUNK` rows, indexed from the beginning of the table.

    A labelled progress bar is shown if the standard error is a terminal. Columns of CSV in
    `as_text` are read as they are written; the index of a Parquet file is a column only if its
    name is there. Columns of CSV in `words` are text, whatever they look like, with gaps. A
    `whole` CSV file is one chunk, as all of its cells tell the types of its columns.
    """
    check_table(path, csv)
    n_rows = 0
    with ExitStack() as stack:
        with _errors_that_name(path):
            total = None
            if is_parquet(path):
                chunks, total = _open_parquet(stack, path, as_text)
            else:
                chunks = open_csv(stack, path, csv, as_text, words, _ALL if whole else CHUNK)
        bar = stack.enter_context(open_bar(label, " rows", total))
        while True:
            with _errors_that_name(path):
                chunk = next(chunks, None)
            if chunk is None:
                break
            if chunk.empty:
                continue
            chunk.index = pd.RangeIndex(n_rows, n_rows + len(chunk))
            yield chunk
            bar.update(len(chunk))
            n_rows += len(chunk)
    if n_rows == 0:
        raise ValueError(f"{_in_words(path)} has no rows.")


def check_table(path: Path, csv: CsvOptions) -> None:
    """Refuse a file that is no table by its name, and options that it cannot be read with."""
    if path != LONE_HYPHEN and not is_table(path):
        raise ValueError(
            f"{path} cannot be read: it is neither CSV nor Parquet by its name, expected one that "
            f"ends in {ENDINGS_IN_WORDS}, or a folder of Parquet files."
        )
    if not is_parquet(path):
        check_options(csv, path)
    elif csv != PLAIN:
        raise ValueError(
            f"{path} is Parquet, and options of CSV are set: leave out --sep, --decimal, "
            f"--encoding, --no-header and --missing."
        )


@contextmanager
def _errors_that_name(path: Path) -> Iterator[None]:
    """Let errors in reading a file name it."""
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            yield
    except pd.errors.ParserWarning as warning:
        raise ValueError(
            f"{_in_words(path)} cannot be read: its rows have more fields than its header. Give "
            f"each column a name, put values that hold the separator into quotes, or name another "
            f"separator with --sep."
        ) from warning
    except UnicodeError as error:
        raise ValueError(
            f"{_in_words(path)} cannot be read: {error}. Name the encoding of its text with "
            f"--encoding, such as --encoding latin-1."
        ) from error
    except _DAMAGES as error:
        if getattr(error, "filename", None) is not None:
            # There is no such file, or it may not be read.
            raise
        told = str(error).strip().rstrip(".")
        raise ValueError(f"{_in_words(path)} cannot be read: {told}.") from error


def _in_words(path: Path) -> str:
    return "The standard input" if path == LONE_HYPHEN else str(path)


def _open_parquet(
    stack: ExitStack, path: Path, as_text: Collection[str]
) -> tuple[Iterator[pd.DataFrame], int]:
    """Return an iterator over chunks of Parquet, and their number of rows."""
    if path.is_dir():
        folder: Any = source_of(path)
        return map(_as_pandas, folder.parts()), folder.count_rows()
    file = stack.enter_context(require("pyarrow.parquet", "cli").ParquetFile(path))
    check_names(file.schema_arrow.names)
    metadata = file.schema_arrow.pandas_metadata or {}
    index = [name for name in metadata.get("index_columns", ()) if isinstance(name, str)]
    source: Any = source_of(path)

    def chunks() -> Iterator[pd.DataFrame]:
        for batch in file.iter_batches(batch_size=CHUNK):
            yield _as_pandas(batch).drop(columns=[name for name in index if name not in as_text])
        source.check_unchanged()

    return chunks(), file.metadata.num_rows


def _as_pandas(rows: Any) -> pd.DataFrame:
    """Return rows of Arrow in its types: keys with gaps stay whole numbers, and text stays text."""
    return rows.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
