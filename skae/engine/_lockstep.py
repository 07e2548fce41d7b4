"""Trainings of one or of several nets, epoch by epoch, side by side.

Nets of one kind whose batches have equal sizes take their steps as one: a stack of matrix
products costs less than one product after the other, as small networks spend most of their time
between the products. Each net sees the rows, the noise and the learning rates that it would see
alone, so that only rounding tells it from one that was trained apart.
"""

import math
import sys
from contextlib import suppress

import torch

from ._batches import mean_parts
from .fused import FusedStep

# Values that the buffers of a stack may have on a CPU: larger ones leave its cache at every
# step, and the nets are faster one after the other.
_CACHED = 2**20


def work_of_step(net, n_together=1):
    """Return the multiply-adds of a step, of all nets that take it as one.

    Parameters
    ----------
    net : AutoencoderNet
        A net.
    n_together : int, default=1
        Number of such nets that are trained together.
    """
    work = net.batch_size * sum(p.numel() for p in net.module_.parameters())
    read = net.read() if n_together > 1 else None
    return work if read is None else work * min(n_together, _most(read))


def _most(read):
    """Return how many nets of a kind should take their steps as one."""
    if not read.stacks:
        return 1
    # Parameters, gradients and two moments.
    n_values = 4 * sum(p.numel() for p in read.parameters)
    on_cpu = read.parameters[0].device.type == "cpu"
    return max(1, _CACHED // n_values) if on_cpu else sys.maxsize


def train_together(trainings):
    """Run trainings to their ends.

    If the keyboard interrupts one of them, all end there with what they have learned so far.

    Parameters
    ----------
    trainings : list of generator
        What `AutoencoderNet.training` returned for each net, or a generator around it that
        returns what it does: whether the keyboard ended the training.
    """
    members = [_Member(training) for training in trainings]
    stacks = _Stacks()
    try:
        waiting = [member for member in members if member.goes_on()]
        while waiting and not any(member.interrupted for member in members):
            try:
                parts = stacks.run_epoch(waiting)
            except KeyboardInterrupt:
                break
            waiting = [m for m, p in zip(waiting, parts, strict=True) if m.goes_on(p)]
        for member in waiting:
            member.interrupt()
    finally:
        stacks.release()
        for member in members:
            member.training.close()


class _Member:
    """A training and where it stands: the net and the batches of the epoch that it waits for."""

    def __init__(self, training):
        self.training = training
        self.net = self.batches = None
        self.interrupted = False

    def goes_on(self, parts=None):
        """Hand over the parts of an epoch; return whether there is another epoch."""
        try:
            self.net, self.batches = self.training.send(parts)
        except StopIteration as end:
            self.interrupted = bool(end.value)
            return False
        return True

    def interrupt(self):
        """End the training with what it has learned so far."""
        with suppress(StopIteration):
            self.training.throw(KeyboardInterrupt)


class _Stacks:
    """Which nets take their steps as one, for as long as none of them ends or changes."""

    def __init__(self):
        self._stacks = {}
        self._read, self._stands_on = {}, {}

    def run_epoch(self, members):
        """Take the steps of an epoch of each member; return its parts of the objective."""
        if len(members) == 1:
            self.release()
            return [members[0].net.run_batches(members[0].batches)]
        groups = self._groups(members)
        parts = {}
        for group, stack in zip(groups, self._renew(groups), strict=True):
            all_batches = [member.batches for member in group]
            if stack is None:
                answers = [group[0].net.run_batches(*all_batches)]
            else:
                answers = stack.run_batches(all_batches)
            parts |= zip(group, answers, strict=True)
        return [parts[member] for member in members]

    def _groups(self, members):
        """Put those together that can take their steps as one."""
        groups, kinds = [], []
        for member in members:
            kind = self._kind(member)
            if kind is not None and kind in kinds:
                groups[kinds.index(kind)].append(member)
            else:
                groups.append([member])
                kinds.append(kind)
        return [part for group in groups for part in self._parts(group)]

    def _parts(self, group):
        n_parts = 1
        if len(group) > 1:
            n_parts = math.ceil(len(group) / _most(self._read[group[0].net]))
        return [group[i::n_parts] for i in range(n_parts)]

    def _kind(self, member):
        """Return what members must have in common, or None if this one goes alone."""
        net, rows = member.net, member.batches.rows
        changed = net.is_watched and self._stands_on.get(net) != net.stands_on
        if net not in self._read or changed:
            self._read[net], self._stands_on[net] = net.read(), net.stands_on
        read = self._read[net]
        if read is None or not read.stacks:
            return None
        return read.kind, net.pace, len(member.batches), rows.shape, rows.is_weighted

    def _renew(self, groups):
        """Return the stack of each group, or None for a member that goes alone."""
        keys = [
            tuple(self._read[m.net] for m in group) if len(group) > 1 else None for group in groups
        ]
        # What is not kept goes first, as its nets may be in another stack from now on.
        for key in self._stacks.keys() - set(keys):
            self._stacks.pop(key).release()
        for group, key in zip(groups, keys, strict=True):
            if key is not None and key not in self._stacks:
                nets = [member.net for member in group]
                self._stacks[key] = _Stack(nets, key)
                self._stands_on |= {net: net.stands_on for net in nets}
        return [self._stacks.get(key) for key in keys]

    def release(self):
        """Give all nets memory of their own."""
        self._renew([])


class _Stack:
    """Nets that take their steps as one.

    Parameters
    ----------
    nets : list of AutoencoderNet
        The nets.
    read : sequence of FusedNet
        What `AutoencoderNet.read` returned for each of them.
    """

    def __init__(self, nets, read):
        self._nets = nets
        for net in nets:
            net.release_fused_step()
        self._step = FusedStep(read)
        self._buffers = {}

    def run_batches(self, all_batches):
        """Take the steps of an epoch; return the mean parts of the objective of each net."""
        parts = mean_parts(self._stacked(all_batches), self._train_step)
        each = zip(*parts.values(), strict=True)
        return [dict(zip(parts, values, strict=True)) for values in each]

    def _stacked(self, all_batches):
        """Yield the batches of all nets as one, rows and weights."""
        all_rows = [batches.rows for batches in all_batches]
        for selections in zip(*(batches.indices() for batches in all_batches), strict=True):
            n = len(selections[0])
            x = self._buffers.get(n)
            if x is None:
                x = self._buffers[n] = all_rows[0].new_empty(len(all_rows), n)
            weights = [
                rows.read(selection, place)[1]
                for rows, selection, place in zip(all_rows, selections, x.unbind(), strict=True)
            ]
            yield x, None if weights[0] is None else torch.stack(weights)

    def _train_step(self, batch):
        for net in self._nets:
            net.before_step()
        parts = self._step(*batch)
        for net in self._nets:
            net.after_step()
        return parts

    def release(self):
        """Give all nets memory of their own."""
        self._step.release()
