"""The caller's type of array: NumPy's, a tensor, or that of another array API library."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from sklearn import get_config
from torch import Tensor

from skae._compat import get_namespace_and_device, move_to

from ._caller_frame import CallerFrame


@dataclass(frozen=True)
class CallerType:
    """The type of array that the caller works with, on its device.

    A `namespace` of None means NumPy's arrays, which lists and tables become, too. `row_shape` is
    that of a row in an array of more than two dimensions, None in a table. `frame` is that of a
    table with columns of several types or with gaps. Tables of numbers of one scale that have gaps
    say so in `has_gaps`.
    """

    namespace: ModuleType | None = None
    device: Any = None
    row_shape: tuple[int, ...] | None = None
    frame: CallerFrame | None = None
    has_gaps: bool = False

    def from_caller(self, X: Any) -> Any:
        """Return validated data as they are, or, of a library other than torch, as a CPU tensor."""
        if self.namespace is None or isinstance(X, Tensor):
            return X
        return move_to(X, xp=get_namespace_and_device(torch.empty(0))[0], device="cpu")

    def to_caller(self, tensor: Tensor) -> Any:
        """Return a tensor as an array of the caller's type, on the caller's device."""
        if self.namespace is None:
            return tensor.cpu().numpy()
        return move_to(tensor, xp=self.namespace, device=self.device)

    def rows_to_caller(self, rows: Tensor) -> Any:
        """Return a tensor of rows in the shape of the caller's rows; see `to_caller`."""
        if self.frame is not None:
            return self.frame.filled(rows.cpu().numpy())
        if self.row_shape is not None:
            rows = rows.view(len(rows), *self.row_shape)
        return self.to_caller(rows)


def caller_type(X: Any) -> CallerType:
    """Return the caller's type: that of `X` under array API dispatch, otherwise NumPy's."""
    if get_config()["array_api_dispatch"]:
        namespace, is_array, device = get_namespace_and_device(X)
        if is_array and "numpy" not in namespace.__name__:
            return CallerType(namespace, device)
    return CallerType()


def as_tensor(fitted: Any) -> Tensor:
    """Return a fitted array of any library as a tensor."""
    if isinstance(fitted, np.ndarray):
        # A copy, as the array may be mapped from a file that must not be written.
        return torch.from_numpy(fitted.copy())
    return torch.from_dlpack(fitted)


def detached(X: Any, caller: CallerType | None = None) -> Any:
    """Return a tensor without its graph, and as an array if the caller's type is NumPy's.

    Anything else is returned as it is. A `caller` of None means NumPy.
    """
    if not isinstance(X, Tensor):
        return X
    X = X.detach()
    if caller is not None and caller.namespace is not None:
        return X
    X = X.cpu()
    return (X.double() if X.dtype == torch.bfloat16 else X).numpy()
