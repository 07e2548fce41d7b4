"""Collections of Dask."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd


def is_collection(X: Any) -> bool:
    """Return whether this is an array or a table of Dask."""
    return type(X).__module__.startswith("dask") and hasattr(X, "__dask_graph__")


class CollectionSource:
    """Computes a collection partition by partition; partitions may be empty."""

    def __init__(self, X: Any) -> None:
        kind = type(X).__name__
        if getattr(X, "ndim", 0) < 2:
            raise TypeError(f"X is a {kind} of Dask of one dimension, expected a table.")
        self._collection = X
        self.name = f"the {kind} of Dask"

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order."""
        for partition in self._partitions():
            part = partition.compute()
            if len(part):
                yield part

    def _partitions(self) -> Iterator[Any]:
        X = self._collection
        if hasattr(X, "partitions"):
            yield from X.partitions
            return
        # Columns of an array may be in chunks, too.
        whole_rows = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        yield from (whole_rows.blocks[i] for i in range(whole_rows.numblocks[0]))


def answered_collection(answer: Callable[[Any], Any], X: Any) -> Any:
    """Return the answers about the rows of a collection as another, which is computed when asked.

    Answers are of the type and of the dtype that those about two made-up rows have.
    """
    import dask.array
    import dask.dataframe.utils

    if isinstance(X, dask.array.Array):
        rows = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        few = answer(np.zeros((2, *X.shape[1:]), X.dtype))
        if not isinstance(few, np.ndarray):
            raise TypeError(
                f"An array of Dask is answered with one, but set_output asks for a "
                f"{type(few).__name__} of {type(few).__module__.split('.')[0]}. Give a table, "
                f"X.to_dask_dataframe(), or call set_output(transform='default')."
            )
        shape, axes = few.shape[1:], range(1, X.ndim)
        chunks = (rows.chunks[0], *((n,) for n in shape))
        return rows.map_blocks(
            _PartAnswer(answer, few[:0]),
            dtype=few.dtype,
            chunks=chunks,
            drop_axis=[*axes][few.ndim - 1 :],
            meta=few[:0],
        )
    few = answer(dask.dataframe.utils.meta_nonempty(X._meta))
    if not isinstance(few, np.ndarray | pd.DataFrame | pd.Series):
        raise TypeError(
            f"A DataFrame of Dask has parts of pandas, but set_output asks for tables of "
            f"{type(few).__module__.split('.')[0]}. Call set_output(transform='pandas'), or "
            f"'default'."
        )
    return X.map_partitions(_PartAnswer(answer, few[:0]), meta=few[:0])


class _PartAnswer:
    """Answers a partition, which may be empty."""

    def __init__(self, answer: Callable[[Any], Any], empty: Any) -> None:
        self._answer, self._empty = answer, empty
        self._token = secrets.token_hex()

    def __call__(self, part: Any) -> Any:
        return self._answer(part) if len(part) else self._empty

    def __dask_tokenize__(self) -> str:
        # Dask would compare networks, which have no text that tells them apart.
        return self._token
