"""Answers as a Parquet file."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from skae._atomic import replaced
from skae._extras import require


def check_out(to: Any) -> Path:
    """Return the path of a Parquet file to write, and refuse another."""
    path = Path(to)
    if path.suffix != ".parquet":
        raise ValueError(f"to is {str(to)!r}, expected the name of a file that ends in .parquet.")
    if path.is_dir():
        raise ValueError(f"to is {str(to)!r}, but that is a folder. Name a file.")
    if not path.absolute().parent.is_dir():
        raise ValueError(
            f"to is {str(to)!r}, but there is no folder {path.parent}. Make it before."
        )
    return path


@contextmanager
def parquet_writer(path: Path) -> Iterator[Callable[[Any, list[str]], None]]:
    """Yield a function that writes the next rows, given the names of their columns.

    The file appears once all rows are written; if anything fails, an older file stays.
    """
    parquet = require("pyarrow.parquet", "parquet")
    with replaced(path) as temporary, ExitStack() as stack:
        writer: Any = None

        def write(rows: Any, names: list[str]) -> None:
            nonlocal writer
            table = _as_arrow(rows, names)
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(temporary, table.schema))
            writer.write_table(table.cast(writer.schema))

        yield write


def _as_arrow(rows: Any, names: list[str]) -> Any:
    """Return rows as a table of Arrow."""
    arrow = require("pyarrow", "parquet")
    if hasattr(type(rows), "columns"):
        table = nw.from_native(rows, eager_only=True).to_arrow()
        # pandas fails to read its own notes on Arrow's categories.
        return table.rename_columns(names).replace_schema_metadata()
    flat = np.asarray(rows).reshape(len(rows), -1)
    return arrow.table([*map(arrow.array, flat.T)], names=names)
