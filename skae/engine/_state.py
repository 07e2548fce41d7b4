"""A net as plain numpy arrays and numbers, and back."""

import torch


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
    return {
        "seed": net.random_state,
        "device": str(net.device),
        "weights": _to_numpy(net.module_.state_dict()),
        "objective": _to_numpy(net.criterion_.state_dict()),
        "dtype": str(next(net.module_.parameters()).dtype).removeprefix("torch."),
        "optimizers": [_to_numpy(optimizer.state_dict()) for optimizer in net.optimizers()],
        "history": net.history.to_list(),
        "generators": [state.numpy() for state in net.generator_states()],
    }


def load_net_state(net, state):
    """Put a state from `net_to_state` into an initialised net of the same architecture.

    Parameters
    ----------
    net : AutoencoderNet
        Its module already has the state's dtype.
    state : dict
        What `net_to_state` returned.
    """
    net.module_.load_state_dict(_to_torch(state["weights"]))
    net.criterion_.load_state_dict(_to_torch(state["objective"]))
    for optimizer, one in zip(net.optimizers(), state["optimizers"], strict=True):
        optimizer.load_state_dict(_to_torch(one))
    net.history[:] = state["history"]
    states = [torch.tensor(one) for one in state["generators"]]
    net.set_generator_states(states, state["device"])
    net._set_training(False)


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
