"""Images and windows as rows of a table."""

import math
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np

from ._caller_type import CallerType


class TakesRows(Protocol):
    """The part of a network description that is about the shape of rows."""

    takes_shaped_rows: ClassVar[bool]

    def for_rows(self, row_shape: tuple[int, ...]) -> Any:
        """Raise a ValueError if rows of this shape do not fit."""


def flatten_rows(
    X: Any, caller: CallerType, network: TakesRows, name: str, n_features: int | None
) -> tuple[Any, CallerType]:
    """Return an array of images or windows as a table, and the caller's type with their shape.

    The table is a view where `X` lies in memory, or in a mapped file, row by row. Where nothing is
    to be flattened, both are returned as they are. `n_features` is the number that the estimator of
    this name was fitted with; None stands for a new fit.
    """
    shape = _shape_of(X)
    if n_features is not None and not hasattr(type(X), "columns"):
        _check_more_than_one_row(shape, n_features, name, network)
    if not network.takes_shaped_rows:
        _check_two_dimensions(shape, name)
    if len(shape) <= 2:
        return X, caller
    xp: Any = caller.namespace or np
    X = xp.asarray(X)
    row_shape = tuple(shape[1:])
    if n_features is not None:
        # The network of a new fit is asked when it is made.
        network.for_rows(row_shape)
    X = xp.reshape(X, (X.shape[0], math.prod(row_shape)))
    return X, replace(caller, row_shape=row_shape)


def _shape_of(X: Any) -> tuple[int, ...]:
    """Return the shape of a list or an array; () for a container that only has `__array__`."""
    return np.shape(X) if isinstance(X, list | tuple) else tuple(getattr(X, "shape", ()))


def _check_two_dimensions(shape: tuple[int, ...], name: str) -> None:
    """Refuse an array of more than two dimensions; the error says what to do about it."""
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)}, while dim <= 2 is required by {name}: X has the "
            f"shape {shape}. {_cure(shape)}"
        )


def _cure(shape: tuple[int, ...]) -> str:
    images = "for images use ConvolutionalAutoencoder, or network=ConvolutionalNetwork()"
    windows = "for windows of signals use network=SequenceNetwork()"
    fitting = {3: f"{images}; {windows}; ", 4: f"{images}; "}.get(len(shape), "")
    cure = f"{fitting}for rows whose shape means nothing give X.reshape(len(X), -1)."
    return cure[0].upper() + cure[1:]


def _check_more_than_one_row(
    shape: tuple[int, ...], n_features: int, name: str, network: TakesRows
) -> None:
    """Refuse a single image, window or row that lacks the first dimension."""
    if len(shape) > 1 and shape[0] != 1 and math.prod(shape) == n_features:
        cure = "X[None]" if network.takes_shaped_rows else "X.reshape(1, -1)"
        raise ValueError(
            f"X has {shape[-1]} features, but {name} is expecting {n_features} features as input. "
            f"X of shape {shape} holds as many values as a single row: if it is one, give {cure}."
        )
