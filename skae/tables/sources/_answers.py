"""Methods that answer a source part by part."""

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
from sklearn.utils.metadata_routing import UNUSED

from .._mapped_files import is_memory_mapped
from ._collection import answered_collection, is_collection
from ._reading import numbered_parts
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
        answer = getattr(self, name)
        if any(value is not None for value in (*arguments, *named.values())):
            if to is None and is_memory_mapped(X):
                return method(self, X, *arguments, **named)
            raise ValueError(
                f"{type(self).__name__}.{name} takes nothing but rows where these are read part by "
                f"part. Read a part yourself, and give it with what belongs to it."
            )
        if to is not None:
            return _write(self, answer, name, X, source, to)
        if is_collection(X):
            return answered_collection(answer, X)
        parts = _answers(self, answer, name, source)
        return _joined(parts, len(X)) if is_memory_mapped(X) else parts

    return in_parts


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


def _answers(
    estimator: Any, answer: Callable[[Any], Any], name: str, source: Source | None
) -> Iterator[Any]:
    """Yield the answers of the parts of a source."""
    assert source is not None
    for _, part in numbered_parts(source, estimator, name):
        yield answer(part)


def _write(
    estimator: Any,
    answer: Callable[[Any], Any],
    name: str,
    X: Any,
    source: Source | None,
    to: Any,
) -> Path:
    """Write the answers to a Parquet file, which appears once it is complete."""
    path = check_out(to)
    with parquet_writer(path) as write:
        for part in [answer(X)] if source is None else _answers(estimator, answer, name, source):
            write(part, _names(estimator, name, part))
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
