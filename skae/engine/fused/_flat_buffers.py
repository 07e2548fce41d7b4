"""Tensors of one or of several nets as views of flat buffers."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn, optim

# Values that fill a cache line in single precision.
_ALIGNMENT = 16

# The moments that each optimizer keeps of a parameter, beside the number of steps.
_MOMENTS: dict[type[optim.Optimizer], tuple[str, ...]] = {
    optim.Adam: ("exp_avg", "exp_avg_sq"),
    optim.AdamW: ("exp_avg", "exp_avg_sq"),
    optim.SGD: ("momentum_buffer",),
}


def padded(tensor: Tensor) -> int:
    """Return how many values a tensor takes in a flat buffer, so that each begins aligned."""
    return -(-tensor.numel() // _ALIGNMENT) * _ALIGNMENT


def flatten(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return a buffer with a row for each list of tensors."""
    sizes = [*map(padded, rows[0])]
    flat = rows[0][0].new_zeros(len(rows), sum(sizes))
    for row, tensors in zip(flat, rows, strict=True):
        for tensor, part in zip(tensors, row.split(sizes), strict=True):
            part[: tensor.numel()] = tensor.reshape(-1)
    return flat


def views(flat: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the part of each tensor in a flat buffer, or in all rows of one."""
    parts = flat.split([*map(padded, tensors)], dim=-1)
    lead = flat.shape[:-1]
    return [
        part.narrow(-1, 0, t.numel()).view(lead + t.shape)
        for t, part in zip(tensors, parts, strict=True)
    ]


def spans(tensors: Sequence[Tensor], groups: Sequence[int]) -> list[list[slice]]:
    """Return, for each group of tensors, the fewest parts of a flat buffer that hold it."""
    found: list[list[slice]] = [[] for _ in range(max(groups) + 1)]
    start = 0
    for group, run in groupby(zip(groups, map(padded, tensors), strict=True), key=itemgetter(0)):
        stop = start + sum(size for _, size in run)
        found[group].append(slice(start, stop))
        start = stop
    return found


def adopt_state(
    optimizers: Sequence[optim.Optimizer], parameters: Sequence[Sequence[nn.Parameter]]
) -> dict[str, Tensor]:
    """Make the optimizers' states of all parameters views of one buffer each; return these."""
    held = [
        [optimizer.state[p] for p in row]
        for optimizer, row in zip(optimizers, parameters, strict=True)
    ]
    flat: dict[str, Tensor] = {}
    for name in _MOMENTS[type(optimizers[0])]:
        flat[name] = flatten(
            [
                [_moment(state, name, p) for p, state in zip(row, states, strict=True)]
                for row, states in zip(parameters, held, strict=True)
            ]
        )
        for values, states in zip(flat[name], held, strict=True):
            for state, view in zip(states, views(values, parameters[0]), strict=True):
                state[name] = view
    if "exp_avg" in flat:
        before = [float(states[0].get("step", 0)) for states in held]
        device = flat["exp_avg"].device
        flat["step"] = torch.tensor(before, dtype=torch.float32, device=device)
        for step, states in zip(flat["step"], held, strict=True):
            for state in states:
                state["step"] = step
    return flat


def _moment(state: dict[str, Any], name: str, parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if state.get(name) is None else state[name]
