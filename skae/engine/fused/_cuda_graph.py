"""The fused step on a GPU, all of its kernels launched at once.

A small network keeps a GPU busy for less time than the processor needs to launch its kernels.
A CUDA graph holds the launches of a whole step, and one call replays them.
"""

from dataclasses import dataclass
from threading import Lock

import torch

# CUDA records one graph at a time in a process.
_recording = Lock()


@dataclass
class _Recorded:
    """A step for one batch tensor: the graph, what it reads and what it answers."""

    graph: torch.cuda.CUDAGraph
    x: torch.Tensor
    sample_weight: torch.Tensor
    parts: dict


class GraphedStep:
    """A fused step that is recorded at its second call for batches of a size, then replayed.

    The first call runs as it is: libraries set themselves up and buffers are made, which a
    graph must not contain.

    Parameters
    ----------
    step : FusedStep
        The step. Batches of one size must come in one and the same tensor.
    """

    def __init__(self, step):
        self._step = step
        self._rate = torch.zeros((), device=step.flat.device)
        self._warm = set()
        self._recorded = {}

    def __call__(self, x, sample_weight):
        """Take one step and return the parts of the objective on the batch before it."""
        self._step.prepare(x)
        # The graph reads the learning rate where it is put here.
        self._rate.fill_(self._step.learning_rate)
        recorded = self._recorded.get(x.shape[0])
        if recorded is None or recorded.x is not x:
            if x.shape[0] not in self._warm:
                self._warm.add(x.shape[0])
                return self._step.run(x, sample_weight, self._rate)
            recorded = self._recorded[x.shape[0]] = self._record(x, sample_weight)
        if sample_weight is not None:
            recorded.sample_weight.copy_(sample_weight)
        recorded.graph.replay()
        return recorded.parts

    def _record(self, x, sample_weight):
        kept_weight = None if sample_weight is None else sample_weight.clone()
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(x.device)
        # Work of other threads on the GPU is not recorded.
        record = torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local")
        with _recording, torch.cuda.device(x.device), record:
            parts = self._step.run(x, kept_weight, self._rate)
        return _Recorded(graph, x, kept_weight, parts)

    def release(self):
        """Release the step; see `FusedStep.release`."""
        self._step.release()
