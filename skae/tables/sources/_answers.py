"""Methods that answer a source part by part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from .._mapped_files import is_memory_mapped
from ._collection import answered_collection, is_collection
from ._reading import naming_rows, numbered_parts
from ._source import Source, source_of
from ._writing import check_out, parquet_writer

# Methods with an answer for each row, and what a column of the answer is called.
_METHODS = {
    "transform": None,
    "reconstruct": None,
    "score_samples": "score",
    "decision_function": "decision",
    "predict": "prediction",
    "predict_proba": None,
    "p_values": "p_value",
}


class AnswersInParts:
    """Lets methods of an estimator take tables that are larger than memory.

    Of a table in memory they answer as they are written. They answer a collection of Dask with one,
    and an array that is mapped from a file with an array. Any other source (see `source_of`) is
    answered with an iterator over the answers of its parts. With `to`, the path of a Parquet file,
    they write all answers there and return the path.
    """

    # That is no metadata of rows.
    __metadata_request__transform: ClassVar[dict] = {"to": UNUSED}
    __metadata_request__predict: ClassVar[dict] = {"to": UNUSED}
    __metadata_request__decision_function: ClassVar[dict] = {"to": UNUSED}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # scikit-learn gives `transform` the caller's container: it must do so for each part.
        super().__init_subclass__(**kwargs)
        for name in _METHODS.keys() & vars(cls).keys():
            setattr(cls, name, _in_parts(vars(cls)[name], name))


def _in_parts(method: Callable, name: str) -> Callable:
    @wraps(method)
    def in_parts(self: Any, X: Any, *arguments: Any, to: Any = None, **named: Any) -> Any:
        source = source_of(X)
        if source is None and to is None:
            return method(self, X, *arguments, **named)
        check_is_fitted(self)
        asked = _Asked(self, name, arguments, named)
        if to is not None:
            return _write(asked, X, source, to)
        assert source is not None
        if is_collection(X):
            return answered_collection(asked.of_any_part(), X)
        parts = asked.of_parts(source)
        return _joined(parts, len(X)) if is_memory_mapped(X) else parts

    return in_parts


@dataclass
class _Asked:
    """A call of a method, with what belongs to each row, or to all of them."""

    estimator: Any
    name: str
    arguments: tuple
    named: dict[str, Any]

    def of_part(self, part: Any, rows: slice) -> Any:
        """Return the answer about these rows, which lie in memory."""
        arguments = (_of_rows(value, rows) for value in self.arguments)
        named = {name: _of_rows(value, rows) for name, value in self.named.items()}
        return getattr(self.estimator, self.name)(part, *arguments, **named)

    def of_parts(self, source: Source) -> Iterator[Any]:
        """Yield the answers of the parts of a source."""
        n_rows = 0
        for rows, part in numbered_parts(source, self.estimator, self.name):
            with naming_rows(source, rows):
                found = self.of_part(part, rows)
            yield found
            n_rows = rows.stop
        for value in (*self.arguments, *self.named.values()):
            if np.ndim(value) and len(value) != n_rows:
                raise ValueError(
                    f"y holds {len(value)} values, but {source.name} has {n_rows} rows. Give one "
                    f"for each row."
                )

    def of_any_part(self) -> Callable[[Any], Any]:
        """Return a function of a part, where its place among the rows is not known."""
        if any(np.ndim(value) for value in (*self.arguments, *self.named.values())):
            raise ValueError(
                f"{type(self.estimator).__name__}.{self.name} takes a collection of Dask without "
                f"values for its rows. Give what belongs to a partition with the partition, as by "
                f"map_partitions."
            )
        return partial(self.of_part, rows=slice(None))


def _of_rows(value: Any, rows: slice) -> Any:
    return np.asarray(value)[rows] if np.ndim(value) else value


def _joined(parts: Iterator[Any], n_rows: int) -> Any:
    """Return the answers of all parts as one array; tables, if these are asked for, as one."""
    first = next(parts)
    if not isinstance(first, np.ndarray):
        tables = [nw.from_native(one, eager_only=True) for one in (first, *parts)]
        return nw.maybe_reset_index(nw.concat(tables)).to_native()
    joined = np.empty((n_rows, *first.shape[1:]), first.dtype)
    joined[: len(first)], start = first, len(first)
    for part in parts:
        joined[start : start + len(part)], start = part, start + len(part)
    return joined


def _write(asked: _Asked, X: Any, source: Source | None, to: Any) -> Path:
    """Write the answers to a Parquet file, which appears once it is complete."""
    path = check_out(to)
    parts = [asked.of_part(X, slice(None))] if source is None else asked.of_parts(source)
    with parquet_writer(path) as write:
        for part in parts:
            write(part, _names(asked.estimator, asked.name, part))
    return path


def _names(estimator: Any, name: str, answers: Any) -> list[str]:
    """Return the names of the columns of answers."""
    if hasattr(answers, "columns"):
        return [*map(str, getattr(answers, "column_names", answers.columns))]
    if np.ndim(answers) == 1:
        return [_METHODS[name] or name]
    if name == "transform":
        return [*estimator.get_feature_names_out()]
    if name == "predict_proba":
        return [f"probability_{one}" for one in estimator.classes_]
    known = getattr(estimator, "feature_names_in_", None)
    n_columns = int(np.prod(np.shape(answers)[1:]))
    if known is not None and len(known) == n_columns:
        return [*known]
    return [f"{_METHODS[name] or 'x'}{i}" for i in range(n_columns)]
