"""The state of a net as plain numpy arrays and numbers, and back."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, optim

from skae._exact_dtype import exact_dtype

if TYPE_CHECKING:
    from ._net import AutoencoderNet

# Buffers of objectives that files of skae 0.1 do not hold; they start at zero.
_ADDED = ("code_term.multipliers",)

# Options of an optimizer that depend on the machine and do not change its step.
_OF_THE_MACHINE = ("fused", "foreach", "capturable")

State = dict[str, Any]


def net_to_state(net: "AutoencoderNet") -> State:
    """Return weights, optimizer moments, history and random states of a net.

    They are numpy arrays, numbers, strings, lists and dicts only.
    """
    state = {
        "seed": net.random_state,
        "device": str(net.device),
        "weights": to_numpy(net.module_.state_dict()),
        "objective": to_numpy(net.criterion_.state_dict()),
        "dtype": str(next(net.module_.parameters()).dtype).removeprefix("torch."),
        "optimizers": [to_numpy(optimizer.state_dict()) for optimizer in net.optimizers()],
        "history": net.history.to_list(),
        "generators": to_numpy(net.generator_states()),
        "half": None,
    }
    half = net.module_.half
    return state if half is None else half_of_state(state, half)


def to_numpy(value: Any) -> Any:
    """Return a value with arrays for the tensors in its lists, tuples and dicts.

    Arrays are read on any machine; tensors only where their device is.
    """
    return _mapped(value, Tensor, lambda tensor: tensor.detach().cpu().numpy().copy())


def _to_torch(value: Any) -> Any:
    """Return a value with tensors for the arrays in its lists, tuples and dicts."""
    return _mapped(value, (np.ndarray, np.generic), torch.tensor)


def _single(value: Any) -> Any:
    """Return a value with float32 for the float64 arrays in its lists, tuples and dicts."""
    return _mapped(
        value,
        np.ndarray,
        lambda array: array.astype(np.float32) if array.dtype == np.float64 else array,
    )


def _mapped(value: Any, kind: Any, function: Any) -> Any:
    """Return a value with a function of all of a kind in its lists, tuples and dicts."""
    if isinstance(value, kind):
        return function(value)
    if isinstance(value, dict):
        return {key: _mapped(item, kind, function) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mapped(item, kind, function) for item in value)
    return value


def state_for(state: State, device: torch.device) -> State:
    """Return a state that the device can hold: Apple's GPUs have no double precision."""
    if state["dtype"] != "float64" or exact_dtype(device) == torch.float64:
        return state
    rounded = {name: _single(state[name]) for name in ("weights", "objective", "optimizers")}
    return {**state, **rounded, "dtype": "float32"}


def half_of_state(state: State, half: str) -> State:
    """Return the state of one half of a net, which is not trained again."""
    kept = (f"{half}.", "latent.", "code_")
    weights = {name: weight for name, weight in state["weights"].items() if name.startswith(kept)}
    left_out: State = {"objective": {}, "optimizers": [], "history": []}
    return {**state, **left_out, "weights": weights, "half": half}


def load_net_state(net: "AutoencoderNet", state: State) -> None:
    """Put a state from `net_to_state` into an initialised net of the same architecture.

    Its module already has the state's dtype, and is the same half if it is one. It may be on
    another device: noise then starts from the net's seed. The state of another architecture
    raises a ValueError.
    """
    _check_same_arrays("weights", state["weights"], net.module_.state_dict())
    net.module_.load_state_dict(_to_torch(state["weights"]))
    if state["half"] is None:
        own = net.criterion_.state_dict()
        added = {name: 0 * to_numpy(own[name]) for name in _ADDED if name in own}
        objective = {**added, **state["objective"]}
        _check_same_arrays("objective", objective, own)
        net.criterion_.load_state_dict(_to_torch(objective))
        for optimizer, one in zip(net.optimizers(), state["optimizers"], strict=True):
            load_optimizer_state(optimizer, one)
    net.history[:] = state["history"]
    states = [torch.tensor(one) for one in state["generators"]]
    net.set_generator_states(states, state["device"])
    net.set_training(False)


def load_optimizer_state(optimizer: optim.Optimizer, state: State) -> None:
    """Put a ``state_dict``, of tensors or arrays, into an optimizer of the same parameters.

    They may be on another device. Without `param_groups`, as in model files, the optimizer keeps
    its own options.
    """
    own = optimizer.state_dict()["param_groups"]
    groups = [
        {name: _option(name, value, mine) for name, value in group.items()}
        for group, mine in zip(state.get("param_groups", own), own, strict=True)
    ]
    optimizer.load_state_dict({"state": _to_torch(state["state"]), "param_groups": groups})


def _option(name: str, value: Any, own: State) -> Any:
    """Return a saved option in the form in which an optimizer on this device needs it."""
    mine = own.get(name)
    if name in _OF_THE_MACHINE:
        return mine
    if isinstance(mine, Tensor):
        return torch.as_tensor(value).to(mine)
    return value.item() if isinstance(value, np.ndarray | Tensor) else value


def _check_same_arrays(what: str, found: State, own: State) -> None:
    """Compare names, shapes and types of arrays with those of tensors."""

    def form(values: State) -> dict[str, tuple[tuple[int, ...], str]]:
        return {
            name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
            for name, value in values.items()
        }

    forms, expected = form(found), form(own)
    for name in forms.keys() | expected.keys():
        if forms.get(name) != expected.get(name):
            raise ValueError(
                f"{what} are of another network: {name!r} is {forms.get(name)}, expected "
                f"{expected.get(name)}."
            )
