"""Files of tables: their formats and compressions, by their names."""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from skae._extras import require

# The table comes from the standard input, or goes to the standard output.
LONE_HYPHEN = Path("-")

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = ".parquet"
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")

_ENDINGS = (*(text + by for text in _SEPARATORS for by in ("", *_COMPRESSIONS)), _PARQUET)
ENDINGS_IN_WORDS = ".csv or .tsv (also compressed, as in .csv.gz), or in .parquet"


def is_table(path: Path) -> bool:
    """Return whether a file is a table by its name; a folder is one of Parquet files."""
    return path.name.lower().endswith(_ENDINGS) or path.is_dir()


def is_parquet(path: Path) -> bool:
    """Return whether a table is Parquet, or else CSV."""
    return path.name.lower().endswith(_PARQUET) or path.is_dir()


def separator_of(path: Path) -> str:
    """Return what separates fields in a file of this name."""
    name = path.name.lower().removesuffix(_compression_of(path.name))
    return _SEPARATORS.get(Path(name).suffix, ",")


@contextmanager
def opened(path: Path, mode: Literal["rb", "wb"], name: str | None = None) -> Iterator[IO[bytes]]:
    """Open the bytes of a file without the compression that its name tells, or `name`."""
    compression = _compression_of(name or path.name)
    with open(path, mode) as file, _unpacked(file, mode, compression) as unpacked:
        yield unpacked


def _unpacked(file: Any, mode: Literal["rb", "wb"], compression: str) -> Any:
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


def _compression_of(name: str) -> str:
    """Return the ending of a compressed file, or nothing."""
    return next((one for one in _COMPRESSIONS if name.lower().endswith(one)), "")
