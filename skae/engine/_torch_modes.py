"""Computing with torch's defaults, whatever modes the caller has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from ._process_settings import (
    PRODUCTS_OF_GPUS,
    CudnnAllowTf32,
    DefaultDtype,
    Float32Products,
    ProcessSettings,
)

# Device types whose autocast torch can be asked about on any machine.
_AUTOCAST_TYPES = ("cpu", "cuda", "mps", "xpu")

_CPU = torch.device("cpu")


def _exact_products(backends: list[tuple[Any, Any]]) -> list[Float32Products]:
    """Return the settings of backends and their parents, whose float32 products keep all bits."""
    return [Float32Products(*one, ("ieee", "none")) for one in backends]


_mkldnn: Any = torch.backends.mkldnn

ON_CPU = [
    DefaultDtype(),
    *_exact_products([(one, _mkldnn) for one in (_mkldnn.matmul, _mkldnn.conv, _mkldnn.rnn)]),
]
# The older setting stands first: to change it changes the newer ones, too.
ON_GPUS = [CudnnAllowTf32(), *_exact_products(PRODUCTS_OF_GPUS)]

# Without CUDA the settings of GPUs need not be asked at every call.
_whole_process = ProcessSettings([*ON_CPU, *(ON_GPUS if torch.version.cuda else [])])


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Compute as if the caller had set none of torch's modes, and leave them as they were.

    Gradients are recorded, autocast is off, new tensors are float32 on the CPU, and float32
    products keep all bits of their operands. As ``@torch_defaults()`` it decorates a method.
    """
    with ExitStack() as stack:
        stack.enter_context(_whole_process)
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for device_type in _AUTOCAST_TYPES:
            if torch.is_autocast_enabled(device_type):
                stack.enter_context(torch.autocast(device_type, enabled=False))
        # Asking for the default device takes ten times as long.
        if torch.empty(0).device != _CPU:
            # It slows every call into torch down, so not without need.
            stack.enter_context(_CPU)
        yield
