"""Computing with torch's defaults, whatever modes the caller has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from ._process_settings import PRODUCTS_OF_GPUS, DefaultDtype, Float32Products, ProcessSettings

# Device types whose autocast torch can be asked about on any machine.
_AUTOCAST_TYPES = ("cpu", "cuda", "mps", "xpu")

_CPU = torch.device("cpu")


def _backends() -> list[tuple[Any, Any]]:
    """Return the modules that hold the precision of float32 products, and their parents."""
    mkldnn: Any = torch.backends.mkldnn
    on_cpu = [(one, mkldnn) for one in (mkldnn.matmul, mkldnn.conv, mkldnn.rnn)]
    # Without CUDA these need not be asked at every call.
    return on_cpu + (PRODUCTS_OF_GPUS if torch.version.cuda else [])


_whole_process = ProcessSettings(
    [DefaultDtype(), *(Float32Products(*one, ("ieee", "none")) for one in _backends())]
)


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
