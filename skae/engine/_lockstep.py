"""Several nets that train side by side, epoch by epoch.

Nets of one kind whose batches have equal sizes take their steps as one: a stack of matrix
products costs less than one product after the other, as small networks spend most of their time
between the products. Each net sees the rows, the noise and the learning rates that it would see
alone, so that only rounding tells it from one that was trained apart.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from skae._batch import Batch, Parts

from ._batches import Batches, mean_parts
from ._capturable import captured
from ._lockstep_run import LockstepRun
from ._net import AutoencoderNet
from ._training import EpochLoop, Training
from .fused import FusableNet, FusedStep

# Values that the buffers of a stack may have on a CPU: larger ones leave its cache at every
# step, and the nets are faster one after the other.
_CACHED = 2**20


def work_of_step(training: Training, n_nets: int = 1) -> int:
    """Return the multiply-adds of a step, of all nets that take it as one."""
    net = training.net
    work = net.batch_size * sum(p.numel() for p in net.module_.parameters())
    read = net.read(training.rows) if n_nets > 1 else None
    return work if read is None else work * min(n_nets, _most(read))


def _most(read: FusableNet) -> int:
    """Return how many nets of a kind should take their steps as one."""
    if not read.stacks:
        return 1
    # Parameters, gradients and two moments.
    n_values = 4 * sum(p.numel() for p in read.parameters)
    on_cpu = read.parameters[0].device.type == "cpu"
    return max(1, _CACHED // n_values) if on_cpu else sys.maxsize


def train_in_lockstep(
    trainings: Sequence[Training],
    tell_left: Callable[[int], None] = lambda n_epochs: None,
    on_error: Callable[[Training, Exception], None] | None = None,
) -> None:
    """Run trainings to their ends.

    `tell_left` is called with the number of epochs that are left, of all nets together. If the
    keyboard interrupts one of the trainings, all end there with what they have learned so far. An
    error of one ends all; with `on_error`, which is told of it, the others go on.
    """
    stacks = _Stacks()
    runs = [LockstepRun(training, stacks.release, on_error) for training in trainings]
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(run)
        stack.callback(stacks.release)
        running = runs
        try:
            for run in runs:
                run.attempt(lambda loop: loop.measure_start())
            while running := [run for run in running if run.goes_on]:
                tell_left(sum(run.loop.epochs_left for run in running))
                for run in running:
                    run.attempt(lambda loop: loop.start_epoch())
                running = [run for run in running if run.goes_on]
                parts = stacks.run_epoch([(run.loop.net, run.loop.batches) for run in running])
                _finish_epochs(running, parts)
            tell_left(0)
        except KeyboardInterrupt:
            for run in running:
                run.interrupt()
        for run in runs:
            run.attempt(lambda loop: loop.end())
    for run in runs:
        run.settle()


def _finish_epochs(runs: Sequence[LockstepRun], parts: Sequence[dict[str, float]]) -> None:
    """Finish an epoch of each net; an interrupt is raised once all of them have."""
    interrupted = False
    for run, its_parts in zip(runs, parts, strict=True):
        try:
            run.attempt(partial(_finish_epoch, its_parts))
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt


def _finish_epoch(parts: dict[str, float], loop: EpochLoop) -> None:
    loop.finish_epoch(parts)


# A net and the batches of its epoch.
Member = tuple[AutoencoderNet, Batches]


class _Stacks:
    """The nets that take their steps as one, for as long as none of them ends or changes."""

    def __init__(self) -> None:
        self._stacks: dict[tuple[FusableNet, ...], _Stack] = {}
        self._read: dict[AutoencoderNet, FusableNet | None] = {}
        self._assumptions: dict[AutoencoderNet, object] = {}

    def run_epoch(self, members: Sequence[Member]) -> list[dict[str, float]]:
        """Take the steps of an epoch of each member; return its parts of the objective."""
        if len(members) == 1:
            self.release()
            net, batches = members[0]
            return [net.run_batches(batches)]
        groups = self._groups(members)
        parts: dict[AutoencoderNet, dict[str, float]] = {}
        for group, stack in zip(groups, self._renew(groups), strict=True):
            nets, all_batches = zip(*group, strict=True)
            if stack is None:
                answers = [nets[0].run_batches(*all_batches)]
            else:
                answers = stack.run_batches(all_batches)
            parts |= zip(nets, answers, strict=True)
        return [parts[net] for net, _ in members]

    def _groups(self, members: Sequence[Member]) -> list[list[Member]]:
        """Put those together that can take their steps as one."""
        groups: list[list[Member]] = []
        kinds: list[tuple | None] = []
        for member in members:
            kind = self._kind(*member)
            if kind is not None and kind in kinds:
                groups[kinds.index(kind)].append(member)
            else:
                groups.append([member])
                kinds.append(kind)
        return [part for group in groups for part in self._parts(group)]

    def _parts(self, group: list[Member]) -> list[list[Member]]:
        read = self._read[group[0][0]]
        n_parts = 1 if read is None else math.ceil(len(group) / _most(read))
        return [group[i::n_parts] for i in range(n_parts)]

    def _kind(self, net: AutoencoderNet, batches: Batches) -> tuple | None:
        """Return a key that members of one stack share, or None if this one goes alone."""
        rows = batches.rows
        changed = net.is_watched and self._assumptions.get(net) != net.assumptions
        if net not in self._read or changed:
            self._read[net], self._assumptions[net] = net.read(rows), net.assumptions
        read = self._read[net]
        if read is None or not read.stacks:
            return None
        return read.kind, net.pace, len(batches), rows.shape, rows.fields

    def _renew(self, groups: list[list[Member]]) -> "list[_Stack | None]":
        """Return the stack of each group, or None for a member that goes alone."""
        keys = [self._key(group) for group in groups]
        # Old stacks are released first, as their nets may be in another stack from now on.
        for gone in self._stacks.keys() - set(keys):
            self._stacks.pop(gone).release()
        for group, key in zip(groups, keys, strict=True):
            if key is not None and key not in self._stacks:
                nets = [net for net, _ in group]
                self._stacks[key] = _Stack(nets, key)
                self._assumptions |= {net: net.assumptions for net in nets}
        return [None if key is None else self._stacks[key] for key in keys]

    def _key(self, group: list[Member]) -> tuple[FusableNet, ...] | None:
        found = [self._read[net] for net, _ in group]
        return tuple(read for read in found if read is not None) if len(group) > 1 else None

    def release(self) -> None:
        """Give all nets memory of their own."""
        self._renew([])


class _Stack:
    """Nets that take their steps as one; `read` is what `AutoencoderNet.read` returned for each."""

    def __init__(self, nets: list[AutoencoderNet], read: Sequence[FusableNet]):
        self._nets = nets
        for net in nets:
            net.release_fused_step()
        self._step = FusedStep(read)
        self._captured = captured(nets, self._take_step)
        self._buffers: dict[int, Tensor] = {}

    def run_batches(self, all_batches: Sequence[Batches]) -> list[dict[str, float]]:
        """Take the steps of an epoch; return the mean parts of the objective of each net."""
        parts = mean_parts(self._stacked(all_batches), self._train_step)
        each = zip(*parts.values(), strict=True)
        return [dict(zip(parts, values, strict=True)) for values in each]

    def _stacked(self, all_batches: Sequence[Batches]) -> Iterator[Batch]:
        """Yield the batches of all nets as one."""
        all_rows = [batches.rows for batches in all_batches]
        for selections in zip(*(batches.indices() for batches in all_batches), strict=True):
            n = len(selections[0])
            x = self._buffers.get(n)
            if x is None:
                x = self._buffers[n] = all_rows[0].new_empty(len(all_rows), n)
            batches = [
                rows.read(selection, place)
                for rows, selection, place in zip(all_rows, selections, x.unbind(), strict=True)
            ]
            # All have weights or none has.
            weights = [batch.weight for batch in batches if batch.weight is not None]
            yield Batch(x, torch.stack(weights) if weights else None)

    def _train_step(self, batch: Batch) -> dict[str, Tensor]:
        for net in self._nets:
            net.before_step()
        take_step = self._take_step if self._captured is None else self._captured
        parts = take_step(batch)
        for net in self._nets:
            net.after_step()
        return parts

    def _take_step(self, batch: Batch) -> Parts:
        parts = self._step(batch)
        for net in self._nets:
            net.criterion_.after_step(net.module_, net.optimizer_)
        return parts

    def release(self) -> None:
        """Give all nets memory of their own."""
        self._captured = None
        self._step.release()
