"""Callbacks by name, and what they ask of training."""

import inspect
from collections import Counter

from skorch.callbacks import Callback, LRScheduler, WandbLogger


def wants_batches(callback):
    """Return whether a callback listens to single batches, which costs a synchronisation each."""
    if isinstance(callback, LRScheduler):
        return callback.step_every == "batch"
    events = ("on_batch_begin", "on_batch_end", "on_grad_computed")
    return any(getattr(type(callback), e, None) is not getattr(Callback, e) for e in events)


def held_out_need(callback):
    """Return the parameter by which a callback asks for held-out rows, as text, or None.

    Parameters
    ----------
    callback : object
        A callback of skorch, or the class of one.
    """
    monitor = _parameter(callback, "monitor")
    if isinstance(monitor, str) and monitor.startswith("valid_"):
        return f"monitor={monitor!r}"
    # skorch's scores are of held-out rows unless they say otherwise.
    if _parameter(callback, "on_train") is False:
        return "on_train=False"
    if isinstance(callback, WandbLogger) and callback.save_model:
        return "save_model=True"
    return None


def _parameter(callback, name):
    """Return a parameter of a callback, or the default of a class of callbacks."""
    if not isinstance(callback, type):
        return getattr(callback, name, None)
    parameter = inspect.signature(callback).parameters.get(name)
    return None if parameter is None else parameter.default


def named_callbacks(callbacks):
    """Return pairs of a name and a callback, named as skorch does it.

    Parameters
    ----------
    callbacks : list
        Callbacks, or pairs of a name and one. What has no name has that of its class, numbered
        where several have the same.
    """
    pairs = [entry if _is_pair(entry) else (_class_name(entry), entry) for entry in callbacks]
    total, seen = Counter(name for name, _ in pairs), Counter()
    named = []
    for name, callback in pairs:
        seen[name] += 1
        named.append((f"{name}_{seen[name]}" if total[name] > 1 else name, callback))
    return named


def _is_pair(entry):
    return isinstance(entry, tuple | list) and len(entry) == 2 and isinstance(entry[0], str)


def _class_name(callback):
    return (callback if isinstance(callback, type) else type(callback)).__name__


def with_callback_params(callbacks, params):
    """Return a list of callbacks of which some are replaced or have other parameters.

    Parameters
    ----------
    callbacks : list or None
        Callbacks, or pairs of a name and one. The list stays as it is.
    params : dict of str to object
        By ``"name"`` another callback, or None for none; by ``"name__parameter"`` a parameter,
        which is set on the callback itself.

    Raises
    ------
    ValueError
        If there is no callback of such a name, or it has no such parameter.
    """
    named = named_callbacks(callbacks or [])
    new, nested = dict(named), {}
    for key, value in params.items():
        name, _, parameter = key.partition("__")
        if name not in new:
            raise ValueError(
                f"Invalid parameter 'callbacks__{key}': callbacks holds none of the name {name!r}. "
                f"Its names are {[*new]}."
            )
        if parameter:
            nested.setdefault(name, {})[parameter] = value
        else:
            new[name] = value
    for name, of_callback in nested.items():
        if new[name] is None:
            raise ValueError(f"callbacks__{name} is None, which has no {', '.join(of_callback)}.")
        if isinstance(new[name], type):
            new[name] = new[name](**of_callback)
        else:
            new[name].set_params(**of_callback)
    return [
        entry if new[name] is callback else (name, new[name])
        for (name, callback), entry in zip(named, callbacks or [], strict=True)
    ]


def explained(error, name, history, has_held_out_rows):
    """Return an error that says which entry of the history a callback missed, or None.

    Parameters
    ----------
    error : KeyError
        What the callback raised.
    name : str
        Name of the callback.
    history : skorch.history.History
        The history.
    has_held_out_rows : bool
        Whether rows are held out.
    """
    key = str(error.args[0]) if error.args else ""
    of_held_out = "valid_" in key and not has_held_out_rows
    if not of_held_out and "not found in history" not in key:
        return None
    entries = [entry for entry in (history[-1] if history else {}) if entry != "batches"]
    advice = "No rows are held out: set early_stopping=True. " if of_held_out else ""
    return ValueError(
        f"The callback {name!r} asks for an entry that the history does not have ({key}). "
        f"{advice}Its entries are {entries}."
    )
