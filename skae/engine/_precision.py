"""The precision of the matrix products of training."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from ._process_settings import PRODUCTS_OF_GPUS, Float32Products, ProcessSettings

PrecisionName = Literal["float32", "bfloat16", "tf32"]

# Torch has one setting for all threads.
_in_tf32 = ProcessSettings([Float32Products(*one, ("tf32",)) for one in PRODUCTS_OF_GPUS])


def low_precision(precision: PrecisionName) -> torch.dtype | None:
    """Return the type of the products if it is not that of the weights, else None."""
    return torch.bfloat16 if precision == "bfloat16" else None


def autocast(precision: PrecisionName, device: torch.device) -> AbstractContextManager:
    """Return a context in which torch's autograd runs in a precision."""
    low = low_precision(precision)
    if low is None:
        return nullcontext()
    return _AutocastOnCpu(low) if device.type == "cpu" else torch.autocast(device.type, low)


# oneDNN may return NaN for these in bfloat16, for images of one pixel for example.
_IN_FLOAT32 = {
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose1d,
    torch.conv_transpose2d,
    torch.conv_transpose3d,
    torch.gru,
    torch.lstm,
    torch.rnn_relu,
    torch.rnn_tanh,
}


class _AutocastOnCpu(TorchFunctionMode):
    """Autocast to `low`, except for convolutions and recurrent layers, which stay in float32."""

    def __init__(self, low: torch.dtype):
        super().__init__()
        self._low = low

    def __enter__(self) -> Any:
        self._autocast = torch.autocast("cpu", self._low)
        self._autocast.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._autocast.__exit__(*error)

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function not in _IN_FLOAT32:
            return function(*args, **kwargs)
        args, kwargs = tree_map_only(torch.Tensor, self._in_float32, (args, kwargs))
        with torch.autocast("cpu", enabled=False):
            return function(*args, **kwargs)

    def _in_float32(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.float() if tensor.dtype == self._low else tensor


def products_in(precision: PrecisionName, device: torch.device) -> AbstractContextManager:
    """Return a context in which an NVIDIA GPU shortens operands if "tf32" is asked for."""
    return _in_tf32 if precision == "tf32" and device.type == "cuda" else nullcontext()
