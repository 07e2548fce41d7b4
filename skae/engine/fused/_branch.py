"""A second stream of a GPU, for work that the next layer does not wait for."""

from collections.abc import Callable
from typing import Any

import torch


class Branch:
    """Calls that run beside what follows them, until `join`.

    The kernels of a small network leave most of a GPU idle. Gradients of the weights of a layer
    need not be done before the gradient of its input goes on to the layer below.
    """

    def __init__(self, device: torch.device):
        self._device, self._stream = device, torch.cuda.Stream(device)

    def run(self, *calls: Callable[[], Any]) -> None:
        """Run calls after all that is before them. What follows must not write what they read."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for call in calls:
                call()

    def join(self) -> None:
        """Let what follows wait for the calls."""
        torch.cuda.current_stream(self._device).wait_stream(self._stream)


def branch_on(device: torch.device) -> Branch | None:
    """Return a branch on a device, or None where all calls run one after the other."""
    return Branch(device) if device.type == "cuda" else None
