"""CSV files: the check of their options, and the reading of their header and rows."""

import codecs
import csv
import io
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from skae.tables import column_names

from ._options import CsvOptions
from ._table_files import LONE_HYPHEN, opened, separator_of

_SEPARATORS = ",;\t|"


def check_options(options: CsvOptions, path: Path) -> None:
    """Raise a ValueError for options with which no CSV file can be read."""
    sep = _separator(options, path)
    if len(sep) != 1 or not sep.isascii():
        raise ValueError(f"--sep is {sep!r}, expected a single character such as ';'.")
    if len(options.decimal) != 1 or not options.decimal.isascii():
        raise ValueError(
            f"--decimal is {options.decimal!r}, expected a single character such as ','."
        )
    if options.decimal == sep:
        raise ValueError(
            f"--decimal is {options.decimal!r}, which separates the fields of {path}, too. Name "
            f"the separator with --sep, such as --sep ';'."
        )
    try:
        codecs.lookup(options.encoding)
    except LookupError as error:
        raise ValueError(
            f"--encoding is {options.encoding!r}, expected an encoding such as utf-8, latin-1 or "
            f"utf-16."
        ) from error


def open_csv(
    stack: ExitStack,
    path: Path,
    options: CsvOptions,
    as_text: Collection[str],
    words: Collection[str],
    chunk_size: int,
) -> Iterator[pd.DataFrame]:
    """Return an iterator over chunks of a CSV file, which the stack closes.

    Columns in `as_text` are read as they are written, and those in `words` as text with gaps.
    """
    sep = _separator(options, path)
    # A mark at the beginning of UTF-8, as some programs write it, is no part of the first name.
    is_utf8 = codecs.lookup(options.encoding).name == "utf-8"
    encoding = "utf-8-sig" if is_utf8 else options.encoding
    if path == LONE_HYPHEN:
        text = io.TextIOWrapper(sys.stdin.buffer, encoding=encoding, newline="")
        # Otherwise the standard input is closed together with this wrapper.
        stack.callback(text.detach)
    else:
        binary = stack.enter_context(opened(path, "rb"))
        text = stack.enter_context(io.TextIOWrapper(binary, encoding=encoding, newline=""))
    names, lines = _first_row(text, sep)
    header: dict[str, Any] = {"header": 0}
    if options.no_header:
        header = {"header": None, "names": [*column_names(None, len(names))] or None}
    else:
        check_names([name for name in names if name])
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
        dtype=dict.fromkeys(words, str),
        na_values=options.missing,
    )
    return (_chunk(chunk, sep, as_text) for chunk in stack.enter_context(reader))


def check_names(names: list[str]) -> None:
    """Refuse a header that gives several columns one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"several of its columns are called {', '.join(map(repr, twice))}. "
        if all(map(is_number, twice)):
            message += "If its first line holds values rather than names, add --no-header"
        else:
            message += "Give each column a name of its own"
        raise ValueError(message)


def is_number(name: str) -> bool:
    """Return whether the name of a column looks like a value."""
    try:
        float(name)
    except ValueError:
        return False
    return True


def _separator(options: CsvOptions, path: Path) -> str:
    return separator_of(path) if options.sep is None else options.sep.replace("\\t", "\t")


def _first_row(text: TextIO, sep: str) -> tuple[list[str], str]:
    """Return the fields of the first row that has any, and all text up to its end."""
    lines = []

    def remembered() -> Iterator[str]:
        for line in iter(text.readline, ""):
            lines.append(line)
            yield line

    row = next(filter(None, csv.reader(remembered(), delimiter=sep)), [])
    return row, "".join(lines)


class _Again(io.TextIOBase):
    """A text file whose first lines were read already, from its beginning."""

    def __init__(self, lines: str, rest: TextIO) -> None:
        self._lines, self._rest = lines, rest

    def read(self, size: int | None = -1) -> str:
        lines, self._lines = self._lines, ""
        return lines or self._rest.read(-1 if size is None else size)


def _chunk(chunk: pd.DataFrame, sep: str, as_text: Iterable[str]) -> pd.DataFrame:
    if chunk.shape[1] == 1:
        _check_separator([chunk.columns[0], *chunk.iloc[:1, 0].astype(str)], sep)
    texts = {name: chunk[name].str.decode("utf-8") for name in as_text if name in chunk}
    return chunk.assign(**texts)


def _check_separator(cells: list[str], sep: str) -> None:
    """Refuse a table of one column that seems to be made of several."""
    for other in _SEPARATORS.replace(sep, ""):
        if all(other in cell for cell in cells):
            raise ValueError(
                f"its only column is {cells[0]!r}. If {other!r} separates the columns, add "
                f"--sep {other!r}"
            )
