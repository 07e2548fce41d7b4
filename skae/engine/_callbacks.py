"""Callbacks by name, and the events and held-out rows that they need."""

import inspect
from collections import Counter
from collections.abc import Sequence
from typing import Any

from skorch.callbacks import Callback, LRScheduler, WandbLogger
from skorch.history import History


def wants_batches(callback: Callback) -> bool:
    """Return whether a callback listens to single batches, which costs a synchronisation each."""
    if isinstance(callback, LRScheduler):
        return callback.step_every == "batch"
    events = ("on_batch_begin", "on_batch_end", "on_grad_computed")
    return any(getattr(type(callback), e, None) is not getattr(Callback, e) for e in events)


def held_out_need(callback: Callback | type[Callback]) -> str | None:
    """Return the parameter by which a callback asks for held-out rows, as text, or None."""
    monitor = _parameter(callback, "monitor")
    if isinstance(monitor, str) and monitor.startswith("valid_"):
        return f"monitor={monitor!r}"
    # skorch's scores are of held-out rows unless they say otherwise.
    if _parameter(callback, "on_train") is False:
        return "on_train=False"
    if isinstance(callback, WandbLogger) and callback.save_model:
        return "save_model=True"
    return None


def _parameter(callback: Callback | type[Callback], name: str) -> Any:
    """Return a parameter of a callback, or the default of a class of callbacks."""
    if not isinstance(callback, type):
        return getattr(callback, name, None)
    parameter = inspect.signature(callback).parameters.get(name)
    return None if parameter is None else parameter.default


def named_callbacks(callbacks: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return pairs of a name and a callback, named as skorch does it.

    A callback without a name gets that of its class, numbered where several have the same.
    """
    pairs = [entry if _is_pair(entry) else (_class_name(entry), entry) for entry in callbacks]
    total = Counter(name for name, _ in pairs)
    seen: Counter[str] = Counter()
    named = []
    for name, callback in pairs:
        seen[name] += 1
        named.append((f"{name}_{seen[name]}" if total[name] > 1 else name, callback))
    return named


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple | list) and len(entry) == 2 and isinstance(entry[0], str)


def _class_name(callback: Any) -> str:
    return (callback if isinstance(callback, type) else type(callback)).__name__


def with_callback_params(callbacks: list[Any] | None, params: dict[str, Any]) -> list[Any]:
    """Return a list of callbacks of which some are replaced or have other parameters.

    `params` holds by ``"name"`` another callback, or None to switch one off, and by
    ``"name__parameter"`` a parameter, which is set on the callback itself. A name that no
    callback has, or a parameter that it does not have, raises a ValueError.
    """
    named = named_callbacks(callbacks or [])
    new = dict(named)
    nested: dict[str, dict[str, Any]] = {}
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


def explained(
    error: KeyError, name: str, history: History, has_held_out_rows: bool
) -> ValueError | None:
    """Return an error that says which entry of the history a callback missed, or None."""
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
