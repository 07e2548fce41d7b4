"""A training step that is recorded once and then played again.

A small network keeps a GPU busy for less time than the processor needs to launch its kernels.
A graph holds the launches of a whole step, and one call launches all of them.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from skae._batch import Batch, Parts

from ._graphs import Graphs

# Steps of each batch size before the recording: libraries set themselves up and optimizers make
# their state in them, which a graph must not contain.
_WARM_UPS = 3


class CapturedStep:
    """A step that is recorded after some steps for batches of a size, then played again.

    All steps are steps of training: those before the recording are launched as they are. `step`
    takes a batch and returns the parts of the objective. It may read the learning rates of the
    `optimizers`, the `progress` of `warm_up_terms` and random numbers of `generators`, which
    change from step to step; all else that it takes from the host stays as it was when it was
    recorded. A step that waits for the device is launched every time.
    """

    def __init__(
        self,
        graphs: Graphs,
        step: Callable[[Batch], Parts],
        optimizers: Sequence[optim.Optimizer],
        generators: Sequence[torch.Generator],
        warm_up_terms: Sequence[nn.Module] = (),
    ):
        self._graphs, self._step, self._generators = graphs, step, generators
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        device = graphs.device
        self._numbers = [_HostNumber(one, "lr", graphs.rate_dtype, device) for one in groups]
        # In double precision, as on the host.
        self._numbers += [
            _HostNumber(vars(term), "progress", torch.float64, device) for term in warm_up_terms
        ]
        self._settings = [_Setting(one, "capturable", True) for one in groups if graphs.capturable]
        self._n_warm: Counter[Any] = Counter()
        self._recorded: dict[Any, _Recorded] = {}
        self.is_launched = False
        if graphs.capturable:
            _move_counts_of_steps(optimizers, device)

    def __call__(self, batch: Batch) -> Parts:
        """Take one step and return the parts of the objective on the batch before it.

        The next step overwrites them.
        """
        if self.is_launched:
            return self._step(batch)
        for number in self._numbers:
            number.send()
        tensors = batch.tensors
        form = tuple(None if one is None else one.shape for one in tensors)
        recorded = self._recorded.get(form)
        if recorded is None:
            self._n_warm[form] += 1
            if self._n_warm[form] <= _WARM_UPS:
                return self._warm_up(batch)
            recorded = self._record(batch)
            if recorded is None:
                return self._step(batch)
            self._recorded[form] = recorded
        for own, given in zip(recorded.tensors, tensors, strict=True):
            if own is not None and given is not None and own is not given:
                own.copy_(given)
        recorded.play()
        return dict(recorded.parts)

    def _warm_up(self, batch: Batch) -> Parts:
        with self._graphs.warming_up():
            if self._n_warm.total() < _WARM_UPS:
                return self._in_tensors(batch)
            parts, waits = self._graphs.watched(lambda: self._in_tensors(batch))
        self.is_launched = waits
        return parts

    def _record(self, batch: Batch) -> "_Recorded | None":
        """Record the step on the tensors of a batch, which then are the graph's own."""
        try:
            play, parts = self._graphs.record(lambda: self._in_tensors(batch), self._generators)
        except RuntimeError:
            # Nothing was computed: a recording launches no kernel.
            self.is_launched = True
            return None
        return _Recorded(play, batch.tensors, parts)

    def _in_tensors(self, batch: Batch) -> Parts:
        """Take the step, which reads from tensors what the host changes."""
        with ExitStack() as stack:
            for one in (*self._numbers, *self._settings):
                stack.enter_context(one)
            parts = self._step(batch)
        # A graph of autograd that outlives its step would tie the next one to its stream.
        return {name: value.detach() for name, value in parts.items()}


@dataclass
class _Recorded:
    """A recorded step: what plays it, the tensors of the batch that it reads, and its parts."""

    play: Callable[[], None]
    tensors: tuple[Tensor | None, ...]
    parts: Parts


class _Setting:
    """An entry of a dict that has another value inside of the context."""

    def __init__(self, holder: dict[str, Any], name: str, value: Any):
        self._holder, self._name, self.value = holder, name, value

    def __enter__(self) -> None:
        self._was_there = self._name in self._holder
        self._before = self._holder.get(self._name)
        self._holder[self._name] = self.value

    def __exit__(self, *error: object) -> None:
        if self._was_there:
            self._holder[self._name] = self._before
        else:
            del self._holder[self._name]


class _HostNumber(_Setting):
    """A number that the host changes between steps, and inside of the context its tensor."""

    def __init__(self, holder: dict[str, Any], name: str, dtype: torch.dtype, device: torch.device):
        super().__init__(holder, name, torch.zeros((), dtype=dtype, device=device))
        self._sent: float | None = None

    def send(self) -> None:
        """Put the present number into the tensor."""
        number = self._holder[self._name]
        if number != self._sent:
            self.value.fill_(number)
            self._sent = number


def _move_counts_of_steps(optimizers: Sequence[optim.Optimizer], device: torch.device) -> None:
    for optimizer in optimizers:
        for state in optimizer.state.values():
            if isinstance(state.get("step"), Tensor):
                state["step"] = state["step"].to(device)
