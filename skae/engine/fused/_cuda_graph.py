"""The fused step on a GPU, all of its kernels launched at once.

A small network keeps a GPU busy for less time than the processor needs to launch its kernels.
A CUDA graph holds the launches of a whole step, and one call replays them.
"""

from dataclasses import dataclass, replace
from threading import Lock

import torch
from torch import Tensor

from skae._batch import Batch

from ._step import FusedStep

# CUDA records one graph at a time in a process.
_recording = Lock()


@dataclass
class _Recorded:
    """A recorded step: the graph, the batch that it reads and the parts that it fills."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    parts: dict[str, Tensor]


class GraphedStep:
    """A fused step that is recorded at its second call for batches of a size, then replayed.

    The first call runs as it is: libraries set themselves up and buffers are made, which a
    graph must not contain. Batches of one size must come in one and the same tensor.
    """

    def __init__(self, step: FusedStep):
        self._step = step
        self._rate = torch.zeros((), device=step.flat.device)
        self._warm: set[int] = set()
        self._recorded: dict[int, _Recorded] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step and return the parts of the objective on the batch before it."""
        x = batch.x
        self._step.prepare(x)
        # The graph reads the learning rate where it is put here.
        self._rate.fill_(self._step.learning_rate)
        recorded = self._recorded.get(x.shape[0])
        if recorded is None or recorded.batch.x is not x:
            if x.shape[0] not in self._warm:
                self._warm.add(x.shape[0])
                return self._step.run(batch, self._rate)
            recorded = self._recorded[x.shape[0]] = self._record(batch)
        if batch.weight is not None and recorded.batch.weight is not None:
            recorded.batch.weight.copy_(batch.weight)
        recorded.graph.replay()
        return recorded.parts

    def _record(self, batch: Batch) -> _Recorded:
        device, weight = batch.x.device, batch.weight
        # Targets of one size, too, come in one and the same tensor.
        kept = replace(batch, weight=None if weight is None else weight.clone())
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)
        # Work of other threads on the GPU is not recorded.
        record = torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local")
        with _recording, torch.cuda.device(device), record:
            parts = self._step.run(kept, self._rate)
        return _Recorded(graph, kept, parts)

    def release(self) -> None:
        """Release the step; see `FusedStep.release`."""
        self._step.release()
