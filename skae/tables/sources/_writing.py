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


# Cells of a row group at least, unless there are no more: many small groups are slow to read.
_CELLS = 2**22


@contextmanager
def parquet_writer(path: Path) -> Iterator[Callable[[Any, list[str]], None]]:
    """Yield a function that writes the next rows, given the names of their columns.

    The file appears once all rows are written; if anything fails, an older file stays.
    """
    arrow, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    with replaced(path) as temporary, ExitStack() as stack:
        writer: Any = None
        waiting: list[Any] = []

        def write_group() -> None:
            if waiting:
                writer.write_table(arrow.concat_tables(waiting).combine_chunks())
                waiting.clear()

        def write(rows: Any, names: list[str]) -> None:
            nonlocal writer
            table = _as_arrow(rows, names)
            if writer is None:
                schema = table.schema
                # Hardly two floats of an answer are equal: a dictionary of them takes time only.
                repeated = [one.name for one in schema if not arrow.types.is_floating(one.type)]
                how: dict[str, Any] = {"use_dictionary": repeated or False}
                writer = stack.enter_context(parquet.ParquetWriter(temporary, schema, **how))
            waiting.append(table.cast(writer.schema))
            if sum(one.num_rows for one in waiting) * len(names) >= _CELLS:
                write_group()

        yield write
        write_group()


def _as_arrow(rows: Any, names: list[str]) -> Any:
    """Return rows as a table of Arrow."""
    arrow = require("pyarrow", "parquet")
    if hasattr(type(rows), "columns"):
        table = nw.from_native(rows, eager_only=True).to_arrow()
        # pandas fails to read its own notes on Arrow's categories.
        return table.rename_columns(names).replace_schema_metadata()
    flat = np.asarray(rows).reshape(len(rows), -1)
    return arrow.table([*map(arrow.array, flat.T)], names=names)
