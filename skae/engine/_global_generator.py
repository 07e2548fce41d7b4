"""Torch's global generators, for modules that do not draw from the net's own ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch
from torch import nn

# Modules of torch's that draw from the global generators if this attribute is not zero.
_DRAWING: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.modules.dropout._DropoutNd, "p"),
    (nn.RNNBase, "dropout"),
    (nn.MultiheadAttention, "dropout"),
    (nn.RReLU, "upper"),
)

# One thread at a time may seed the global generators.
_in_use = RLock()


@contextmanager
def global_generators_from(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Seed torch's global generators, of the CPU and of a device; restore them afterwards."""
    device = torch.device(device)
    on_gpu = device.type == "cuda"
    with _in_use, torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def draws_globally(module: nn.Module) -> bool:
    """Return whether a network may draw from torch's global generators while it trains.

    A class that is neither torch's nor skae's may do anything.
    """
    own = ("torch", "skae")
    unknown = any(type(one).__module__.partition(".")[0] not in own for one in module.modules())
    return unknown or drawing_layer(module) is not None


def drawing_layer(module: nn.Module) -> nn.Module | None:
    """Return a layer of torch's that draws from torch's global generators, None without one."""
    for one in module.modules():
        if any(isinstance(one, kind) and getattr(one, name) for kind, name in _DRAWING):
            return one
    return None
