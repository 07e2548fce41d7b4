"""Formats of tables, as the names of their files tell them."""

import bz2
import gzip
import lzma
from contextlib import contextmanager
from pathlib import Path

from skae._extras import require

# A file that is no file: the table comes from the standard input, or goes to the standard output.
LONE_HYPHEN = Path("-")

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = ".parquet"
_COMPRESSIONS = ("", ".gz", ".bz2", ".xz", ".zst")

# The endings of all tables.
TABLES = (*(text + by for text in _SEPARATORS for by in _COMPRESSIONS), _PARQUET)
TABLES_IN_WORDS = ".csv or .tsv (also compressed, as in .csv.gz), or in .parquet"


def is_table(path):
    """Return whether a file is a table by its name."""
    return path.name.lower().endswith(TABLES)


def is_parquet(path):
    """Return whether a table is Parquet, or else CSV."""
    return path.name.lower().endswith(_PARQUET)


def separator_of(path):
    """Return what separates fields in a file of this name."""
    name = path.name.lower().removesuffix(_compression_of(path.name))
    return _SEPARATORS.get(Path(name).suffix, ",")


@contextmanager
def opened(path, mode, name=None):
    """Open the bytes of a file, without their compression.

    Parameters
    ----------
    path : Path
        The file.
    mode : {"rb", "wb"}
        As of `open`.
    name : str or None, default=None
        A name with the ending that tells the compression; None is that of the file.

    Yields
    ------
    file : file object
    """
    compression = _compression_of(name or path.name)
    with open(path, mode) as file, _unpacked(file, mode, compression) as unpacked:
        yield unpacked


def _unpacked(file, mode, compression):
    """Return a file without its compression."""
    if compression == ".gz":
        # Without a name and a time the same rows make the same file.
        return gzip.GzipFile("", mode, fileobj=file, mtime=0)
    if compression == ".bz2":
        return bz2.BZ2File(file, mode)
    if compression == ".xz":
        return lzma.LZMAFile(file, mode)
    if compression == ".zst":
        pyarrow = require("pyarrow", "cli")
        kinds = {"rb": pyarrow.CompressedInputStream, "wb": pyarrow.CompressedOutputStream}
        return kinds[mode](file, "zstd")
    return file


def _compression_of(name):
    """Return the ending of a compressed file, or nothing."""
    return next(one for one in reversed(_COMPRESSIONS) if name.lower().endswith(one))
