"""What descriptions of networks and trained nets in a model file are made of."""

from dataclasses import fields as fields_of

import numpy as np

from ._fields import count, dict_of, finite, list_of, one_of, optional, record, refuse, text
from ._registry import CLASSES, NETWORKS
from ._tree import Stored

# Bytes of a generator's state: a Mersenne Twister on the CPU, and counters on GPUs.
_BYTES_ON = {"cpu": 5056, "cuda": 16, "xpu": 16, "mps": 44}


def sizes_of(value, sizes, where):
    """Widths of layers, or the shape of a row."""
    if not isinstance(value, tuple | list):
        refuse(where, value, "a tuple")
    for item in value:
        count(1)(item, sizes, where)


_BY_TYPE = {
    tuple: sizes_of,
    tuple | None: optional(sizes_of),
    str: text,
    str | None: optional(text),
    int: count(1),
    float: finite,
}


def network(value, sizes, where):
    """The description of a network."""
    if not isinstance(value, Stored) or value.name not in NETWORKS:
        refuse(where, getattr(value, "name", value), f"one of {', '.join(NETWORKS)}")
    fields = {field.name: _BY_TYPE[field.type] for field in fields_of(CLASSES[value.name])}
    record(**fields)(value.state, sizes, where)


def _any_array(value, sizes, where):
    """An array whose shape and type are compared with those of the network's own later."""
    if not hasattr(value, "shape"):
        refuse(where, value, "an array")


def _epochs(value, sizes, where):
    """What skorch and callbacks recorded: a dict of plain values for each epoch."""
    if not isinstance(value, list) or not all(isinstance(epoch, dict) for epoch in value):
        refuse(where, type(value), "a list of records")
    _plain(value, sizes, where)


def _plain(value, sizes, where):
    """A number, a string, None, an array, or a list, tuple or dict of such."""
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _plain(item, sizes, where)
    elif not isinstance(value, bool | int | float | str | np.ndarray | None):
        refuse(where, type(value), "a plain value")


def _check_generator(value, device, where):
    """Check the state of one of torch's generators, which torch itself believes."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 1:
        refuse(where, value, "an array of bytes")
    # Generators of devices that are not listed compare the length themselves.
    n_bytes = _BYTES_ON.get(device, len(value))
    if len(value) != n_bytes:
        refuse(where, value, f"the {n_bytes} bytes of a generator on {device}")
    if device == "cpu":
        # How many numbers are left of those that were made, and where the next one is.
        left, following = value[8:12].view(np.int32)[0], value[16:24].view(np.int64)[0]
        if (left, following) != (1, 0) and not (1 <= left <= 624 and left + following == 625):
            refuse(where, value, "the state of a generator")


def _check_generators(states, device, where):
    """Check the states of the generators of the order, on the CPU, and of the noise."""
    if len(states) != 2:
        refuse(where, states, "the states of two generators")
    _check_generator(states[0], "cpu", f"{where}[0]")
    _check_generator(states[1], device.partition(":")[0], f"{where}[1]")


def net(half):
    """Return a field for a trained net, or for the one half of it that was kept."""
    arrays = dict_of(text, _any_array)
    check_record = record(
        seed=count(0),
        device=text,
        weights=arrays,
        objective=arrays,
        dtype=one_of("float32", "float64"),
        optimizers=list_of(record(state=dict_of(count(0), arrays))),
        history=_epochs,
        generators=list_of(_any_array),
        half=one_of(half),
    )

    def field(value, sizes, where):
        check_record(value, sizes, where)
        _check_generators(value["generators"], value["device"], f"{where}.generators")

    return field
