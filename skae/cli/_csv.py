"""CSV files: how they are written, and how their header and rows are read."""

import codecs
import csv
import io
import sys
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from ._formats import LONE_HYPHEN, opened, separator_of

_SEPARATORS = ",;\t|"


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """How the CSV file of a table is written; Parquet needs none of this.

    Parameters
    ----------
    sep
        What separates the fields; '\\t' is a tab. Without it a comma, and a tab in .tsv files.
    decimal
        What separates whole numbers from decimals.
    encoding
        The encoding of the text, such as latin-1.
    no_header
        The first line holds no names, but values. Columns are called x0, x1, and so on.
    """

    sep: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    no_header: bool = False


PLAIN = CsvOptions()


def check_options(options, path):
    """Refuse options that no file can be read with, and those of CSV for Parquet.

    Parameters
    ----------
    options : CsvOptions
    path : Path
        The table.

    Raises
    ------
    ValueError
        If one is wrong.
    """
    sep = _separator(options, path)
    if len(sep) != 1 or not sep.isascii():
        raise ValueError(f"--sep is {sep!r}, expected a single character such as ';'.")
    if len(options.decimal) != 1 or not options.decimal.isascii():
        raise ValueError(
            f"--decimal is {options.decimal!r}, expected a single character such as ','."
        )
    if options.decimal == sep:
        raise ValueError(
            f"--decimal is {options.decimal!r}, which separates the fields of {path}, too. Say "
            f"what separates them with --sep, such as --sep ';'."
        )
    try:
        codecs.lookup(options.encoding)
    except LookupError as error:
        raise ValueError(
            f"--encoding is {options.encoding!r}, expected an encoding such as utf-8, latin-1 or "
            f"utf-16."
        ) from error


def open_csv(stack, path, options, as_text, chunk_size):
    """Return an iterator over chunks of a CSV file, and None for its unknown number of rows.

    Parameters
    ----------
    stack : ExitStack
        What closes the file.
    path : Path
        The file, or `LONE_HYPHEN` for the standard input.
    options : CsvOptions
        How it is written.
    as_text : collection of str
        Names of columns to read as they are written.
    chunk_size : int
        Rows of a chunk.
    """
    sep = _separator(options, path)
    # A mark at the beginning of UTF-8, as some programs write it, is no part of the first name.
    is_utf8 = codecs.lookup(options.encoding).name == "utf-8"
    encoding = "utf-8-sig" if is_utf8 else options.encoding
    if path == LONE_HYPHEN:
        text = io.TextIOWrapper(sys.stdin.buffer, encoding=encoding, newline="")
        # Or it would close the standard input when it is forgotten.
        stack.callback(text.detach)
    else:
        binary = stack.enter_context(opened(path, "rb"))
        text = stack.enter_context(io.TextIOWrapper(binary, encoding=encoding, newline=""))
    names, lines = _first_row(text, sep)
    if options.no_header:
        header = {"header": None, "names": [f"x{i}" for i in range(len(names))] or None}
    else:
        check_names([name for name in names if name])
        header = {"header": 0}
    reader = pd.read_csv(
        _Again(lines, text),
        sep=sep,
        decimal=options.decimal,
        **header,
        # Otherwise the first field of rows that are too long becomes an index.
        index_col=False,
        chunksize=chunk_size,
        # Types are those of a chunk, not of parts of it.
        low_memory=False,
        # As text, "NA" would be a gap, but not as bytes.
        converters=dict.fromkeys(as_text, str.encode),
    )
    return (_chunk(chunk, sep, as_text) for chunk in stack.enter_context(reader)), None


def check_names(names):
    """Refuse a header that gives several columns one name.

    Parameters
    ----------
    names : list of str

    Raises
    ------
    ValueError
        If a name is there twice.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"several of its columns are called {', '.join(map(repr, twice))}. "
        if all(map(is_number, twice)):
            message += "If its first line holds values rather than names, add --no-header"
        else:
            message += "Give each column a name of its own"
        raise ValueError(message)


def is_number(name):
    """Return whether a name is rather a value."""
    try:
        float(name)
    except ValueError:
        return False
    return True


def _separator(options, path):
    return separator_of(path) if options.sep is None else options.sep.replace("\\t", "\t")


def _first_row(text, sep):
    """Return the fields of the first row that has any, and all text up to its end."""
    lines = []

    def remembered():
        for line in iter(text.readline, ""):
            lines.append(line)
            yield line

    row = next(filter(None, csv.reader(remembered(), delimiter=sep)), [])
    return row, "".join(lines)


class _Again:
    """A text file whose first lines were read already, from its beginning."""

    def __init__(self, lines, rest):
        self._lines, self._rest = lines, rest

    def read(self, size=-1):
        lines, self._lines = self._lines, ""
        return lines or self._rest.read(size)

    def __iter__(self):
        # pandas asks whether it can be called, and does not.
        return iter(self.read, "")


def _chunk(chunk, sep, as_text):
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
