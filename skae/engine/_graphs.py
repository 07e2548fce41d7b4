"""The calls into CUDA that record a step as a graph and play it again."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

import torch

# CUDA records one graph at a time in a process, and its debug mode belongs to the process, too.
_recording = Lock()

Answer = TypeVar("Answer")


class Graphs:
    """Recorder of CUDA graphs on one device.

    Steps before a recording run on the stream of the recording: libraries set themselves up for
    each stream, and autograd goes back on the stream on which a parameter was first used.
    """

    # Torch's fused kernels read a learning rate in this type.
    rate_dtype = torch.float32

    # Whether optimizers must keep their counts of steps on the device.
    capturable = True

    def __init__(self, device: torch.device):
        self.device = device
        self._stream = torch.cuda.Stream(device)

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """Run on the stream of the recording, between what is before and what is after."""
        present = torch.cuda.current_stream(self.device)
        self._stream.wait_stream(present)
        with warnings.catch_warnings(), torch.cuda.stream(self._stream):
            # Optimizers warn that they are ready for a recording and none is made.
            warnings.filterwarnings(
                "ignore", message="This instance was constructed with capturable"
            )
            yield
        present.wait_stream(self._stream)

    def watched(self, call: Callable[[], Answer]) -> tuple[Answer, bool]:
        """Return what a call returns, and whether it waited for the device.

        No graph can hold a step that waits.
        """
        before = torch.cuda.get_sync_debug_mode()
        with _recording, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                answer = call()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        return answer, any("synchronizing CUDA operation" in str(w.message) for w in caught)

    def record(
        self, call: Callable[[], Answer], generators: Sequence[torch.Generator]
    ) -> tuple[Callable[[], None], Answer]:
        """Record a call; return what plays it again, and the tensors that this fills.

        Each time the graph draws the next random numbers of the generators.
        """
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # Work of other threads on the device is not recorded.
        record = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        # A recording that fails leaves its stream behind.
        present = torch.cuda.stream(torch.cuda.current_stream(self.device))
        with _recording, torch.cuda.device(self.device), present, record:
            answer = call()
        return graph.replay, answer


def graphs_on(device: torch.device) -> Graphs | None:
    """Return the recorder of graphs on a device, or None where there are no graphs."""
    return Graphs(device) if device.type == "cuda" else None
