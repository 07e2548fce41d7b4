"""Names and types of the columns of the caller's tables, as text that model files can hold."""

import ast
import base64
from dataclasses import dataclass
from typing import Any, Literal, Self

import narwhals as nw
import pandas as pd

from ._levels import ColumnName, Level, plain_levels

# A type that cannot be told by text is that of the values that fill the column.
_OF_VALUES = ""

# Types of Arrow in a table of pandas are stored as text with this prefix.
_OF_ARROW = "arrow:"


@dataclass(eq=False)
class FrameTypes:
    """Makes tables without rows, as the caller had in `fit`."""

    library: Literal["pandas", "polars", "pyarrow"]
    names: list[ColumnName]
    types: list[str]
    # The categories of columns whose type has them.
    levels: list[list[Level] | None]
    ordered: list[bool]

    @classmethod
    def of(cls, frame: nw.DataFrame) -> Self:
        """Return the types of a table."""
        table = frame.to_native()
        if isinstance(table, pd.DataFrame):
            levels = [plain_levels(getattr(dtype, "categories", None)) for dtype in table.dtypes]
            ordered = [bool(getattr(dtype, "ordered", False)) for dtype in table.dtypes]
            types = [
                _pandas_text(dtype, known)
                for dtype, known in zip(table.dtypes, levels, strict=True)
            ]
            return cls("pandas", list(table.columns), types, levels, ordered)
        names: list[ColumnName] = list(frame.columns)
        no_levels: list[list[Level] | None] = [None] * len(names)
        if frame.implementation.is_polars():
            # Categories of any number have none of their own.
            of_enums = [
                plain_levels(dtype.categories) if isinstance(dtype, nw.Enum) else None
                for dtype in frame.schema.values()
            ]
            types = [
                "Enum" if known else str(dtype)
                for dtype, known in zip(table.dtypes, of_enums, strict=True)
            ]
            return cls("polars", names, types, of_enums, [True] * len(names))
        types = list(map(_arrow_text, table.schema))
        return cls("pyarrow", names, types, no_levels, [False] * len(names))

    def empty(self) -> Any:
        """Return a table of these columns without rows."""
        if self.library == "pandas":
            columns = [
                pd.Series([], dtype=_pandas_dtype(*about))
                for about in zip(self.types, self.levels, self.ordered, strict=True)
            ]
            table = pd.concat(columns, axis=1)
            table.columns = pd.Index(self.names)
            return table
        if self.library == "polars":
            import polars as pl

            types = map(_polars_dtype, self.types, self.levels)
            return pl.DataFrame(schema=dict(zip(map(str, self.names), types, strict=True)))
        import pyarrow as pa

        return pa.schema(list(map(_arrow_field, self.types))).empty_table()


def _pandas_text(dtype: Any, levels: list[Level] | None) -> str:
    if levels is not None:
        return "category"
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        return _OF_ARROW + _arrow_text(pa.field("", dtype.pyarrow_dtype))
    try:
        same = pd.api.types.pandas_dtype(str(dtype)) == dtype
    except (TypeError, NotImplementedError):
        same = False
    return str(dtype) if same else _OF_VALUES


def _pandas_dtype(text: str, levels: list[Level] | None, ordered: bool) -> Any:
    if levels is not None:
        return pd.CategoricalDtype(levels, ordered)
    if text.startswith(_OF_ARROW):
        return pd.ArrowDtype(_arrow_field(text.removeprefix(_OF_ARROW)).type)
    return pd.api.types.pandas_dtype(text or object)


def _polars_dtype(text: str, levels: list[Level] | None) -> Any:
    """Return a type of polars; the text is a name, or a call of it with plain arguments."""
    import polars as pl

    if levels is not None:
        return pl.Enum([str(level) for level in levels])
    node = ast.parse(text, mode="eval").body
    call = node if isinstance(node, ast.Call) else None
    name = call.func if call else node
    dtype = getattr(pl, name.id, None) if isinstance(name, ast.Name) else None
    if not isinstance(dtype, type) or not issubclass(dtype, pl.DataType):
        raise ValueError(f"{text!r} is no type of polars")
    keywords = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords} if call else {}
    return dtype(**keywords) if call else dtype


def _arrow_text(field: Any) -> str:
    import pyarrow as pa

    return base64.b64encode(pa.schema([field]).serialize().to_pybytes()).decode()


def _arrow_field(text: str) -> Any:
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))).field(0)
