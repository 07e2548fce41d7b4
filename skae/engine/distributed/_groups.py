"""Process groups of torch with a timeout of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from torch import Tensor

# The longest wait for another rank, in seconds. A rank that died is missed within a minute.
TIMEOUT = 40


class Groups:
    """The groups of all processes: for what is computed, and for what is said about it.

    The first has the backend of the script, such as NCCL, for tensors on GPUs. The second is gloo,
    for the CPU. Torch waits half an hour by default; these groups wait 40 seconds.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        timeout = timedelta(seconds=TIMEOUT)
        with self._all_come():
            self._said = self._computed = dist.new_group(timeout=timeout, backend="gloo")
            if dist.get_backend() != "gloo":
                self._computed = dist.new_group(timeout=timeout)

    @contextmanager
    def _all_come(self) -> Iterator[None]:
        """Say what it means if torch fails to reach the other ranks."""
        try:
            yield
        except RuntimeError as error:
            raise RuntimeError(
                f"Rank {self.rank} of {self.size} waited in vain for another rank, which ended "
                f"with an error of its own, was killed, or came to the same step more than "
                f"{TIMEOUT} seconds late. Look at the output of the others. Torch says: {error}"
            ) from error

    def add(self, tensor: Tensor) -> None:
        """Add up a tensor over the ranks, in its place, on its own device."""
        with self._all_come():
            on_cpu = tensor.device.type == "cpu"
            dist.all_reduce(tensor, group=self._said if on_cpu else self._computed)

    def from_all(self, value: Any) -> list[Any]:
        """Return what the ranks say; an error names those that do not come."""
        values: list[Any] = [None] * self.size
        with self._all_come():
            dist.monitored_barrier(
                self._said, timeout=timedelta(seconds=TIMEOUT), wait_all_ranks=True
            )
            dist.all_gather_object(values, value, group=self._said)
        return values
