"""A net as plain numpy arrays and numbers, and back."""

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
        "weights": _to_numpy(net.module_.state_dict()),
        "objective": _to_numpy(net.criterion_.state_dict()),
        "dtype": str(next(net.module_.parameters()).dtype).removeprefix("torch."),
        "optimizers": [_to_numpy(optimizer.state_dict()) for optimizer in net.optimizers()],
        "history": net.history.to_list(),
        "generators": [state.numpy() for state in net.generator_states()],
        "half": None,
    }
    half = net.module_.half
    return state if half is None else half_of_state(state, half)


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
        Its module already has the state's dtype, and is the same half if it is one.
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
        added = {name: 0 * _to_numpy(own[name]) for name in _ADDED if name in own}
        objective = {**added, **state["objective"]}
        _check_same_arrays("objective", objective, own)
        net.criterion_.load_state_dict(_to_torch(objective))
        for optimizer, one in zip(net.optimizers(), state["optimizers"], strict=True):
            # Model files hold the moments only.
            one = {"param_groups": optimizer.state_dict()["param_groups"], **one}
            optimizer.load_state_dict(_to_torch(one))
    net.history[:] = state["history"]
    states = [torch.tensor(one) for one in state["generators"]]
    net.set_generator_states(states, state["device"])
    net._set_training(False)


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


def _to_numpy(value):
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, dict):
        return {key: _to_numpy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_numpy(item) for item in value)
    return value


def _to_torch(value):
    if hasattr(value, "dtype"):
        return torch.tensor(value)
    if isinstance(value, dict):
        return {key: _to_torch(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_torch(item) for item in value)
    return value
