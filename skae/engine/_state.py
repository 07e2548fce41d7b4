"""A net as plain numpy arrays and numbers, and back."""

import numpy as np
import torch

# Arrays of objectives that files of skae 0.1 do not hold; they begin at zero.
_ADDED = ("code_term.multipliers",)


def net_to_state(net):
    """Return what makes this net this net: weights, optimizer moments, history, noise.

    Parameters
    ----------
    net : AutoencoderNet
        A trained net.

    Returns
    -------
    state : dict
        Of numpy arrays, numbers, strings, lists and dicts only.
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


def to_numpy(value):
    """Return a value with arrays for the tensors in its lists, tuples and dicts.

    Arrays are read on any machine; tensors only where their device is.

    Parameters
    ----------
    value : object
        The value.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, dict):
        return {key: to_numpy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_numpy(item) for item in value)
    return value


def state_for(state, device):
    """Return a state that the device can hold: Apple's GPUs have no double precision.

    Parameters
    ----------
    state : dict
        What `net_to_state` returned.
    device : torch.device
        Where the net is to be.
    """
    if device.type != "mps" or state["dtype"] != "float64":
        return state
    rounded = {name: _single(state[name]) for name in ("weights", "objective", "optimizers")}
    return {**state, **rounded, "dtype": "float32"}


def _single(value):
    """Return a value with float32 for the float64 arrays in its lists and dicts."""
    if isinstance(value, dict):
        return {key: _single(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_single(item) for item in value]
    is_double = isinstance(value, np.ndarray) and value.dtype == np.float64
    return value.astype(np.float32) if is_double else value


def half_of_state(state, half):
    """Return what a net needs that only encodes, or only decodes, and is not trained again.

    Parameters
    ----------
    state : dict
        What `net_to_state` returned.
    half : {"encoder", "decoder"}
        Which one.

    Returns
    -------
    state : dict
        A smaller one.
    """
    kept = (f"{half}.", "latent.", "code_")
    weights = {name: weight for name, weight in state["weights"].items() if name.startswith(kept)}
    left_out = {"objective": {}, "optimizers": [], "history": []}
    return {**state, **left_out, "weights": weights, "half": half}


def load_net_state(net, state):
    """Put a state from `net_to_state` into an initialised net of the same architecture.

    Parameters
    ----------
    net : AutoencoderNet
        Its module already has the state's dtype, and is the same half if it is one. It may be
        on another device: noise then starts from the net's seed.
    state : dict
        What `net_to_state` returned.

    Raises
    ------
    ValueError
        If it is the state of another architecture.
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
    net._set_training(False)


# Options of an optimizer that depend on the machine and do not change its step.
_OF_THE_MACHINE = ("fused", "foreach", "capturable")


def load_optimizer_state(optimizer, state):
    """Put a state into an optimizer that may be on another device.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Of the same parameters as the one that the state is of.
    state : dict
        A ``state_dict``, of tensors or of arrays. Without `param_groups`, as in model files, the
        optimizer keeps its own options.
    """
    own = optimizer.state_dict()["param_groups"]
    groups = [
        {name: _option(name, value, mine) for name, value in group.items()}
        for group, mine in zip(state.get("param_groups", own), own, strict=True)
    ]
    optimizer.load_state_dict({"state": _to_torch(state["state"]), "param_groups": groups})


def _option(name, value, own):
    """Return a saved option in the form in which an optimizer on this device needs it."""
    mine = own.get(name)
    if name in _OF_THE_MACHINE:
        return mine
    if isinstance(mine, torch.Tensor):
        return torch.as_tensor(value).to(mine)
    return value.item() if isinstance(value, (np.ndarray, torch.Tensor)) else value


def _check_same_arrays(what, found, own):
    """Compare names, shapes and types of arrays with those of tensors."""

    def form(values):
        return {
            name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
            for name, value in values.items()
        }

    found, own = form(found), form(own)
    for name in found.keys() | own.keys():
        if found.get(name) != own.get(name):
            raise ValueError(
                f"{what} are of another network: {name!r} is {found.get(name)}, expected "
                f"{own.get(name)}."
            )


def _to_torch(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return torch.tensor(value)
    if isinstance(value, dict):
        return {key: _to_torch(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_torch(item) for item in value)
    return value
