"""What descriptions of networks and trained nets in a model file are made of."""

from dataclasses import fields as fields_of

import numpy as np

from ._fields import count, dict_of, finite, list_of, one_of, optional, record, refuse, text
from ._registry import CLASSES, NETWORKS
from ._tree import Stored

# Bytes of a Mersenne Twister's state; and of the counters of CUDA and of Apple's GPUs.
_BYTES_ON_CPU, _BYTES_ON_GPU = 5056, (16, 44)


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
    """What skorch and callbacks recorded: dicts of numbers and the like, and of lists of such."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        refuse(where, type(value), "a list of records")
    for entry in value:
        for found in entry.values():
            if not isinstance(found, bool | int | float | str | None):
                _epochs(found, sizes, where)


def _generator(value, sizes, where):
    """The state of one of torch's generators, which torch itself believes."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 1:
        refuse(where, value, "an array of bytes")
    honest = len(value) in _BYTES_ON_GPU
    if len(value) == _BYTES_ON_CPU:
        # How many numbers are left of those that were made, and where the next one is.
        left, following = value[8:12].view(np.int32)[0], value[16:24].view(np.int64)[0]
        honest = (left, following) == (1, 0) or (1 <= left <= 624 and left + following == 625)
    if not honest:
        refuse(where, value, "the state of a generator")


def net(half):
    """Return a field for a trained net, or for the one half of it that was kept."""
    arrays = dict_of(text, _any_array)
    return record(
        seed=count(0),
        device=text,
        weights=arrays,
        objective=arrays,
        dtype=one_of("float32", "float64"),
        optimizers=list_of(record(state=dict_of(count(0), arrays))),
        history=_epochs,
        generators=list_of(_generator),
        half=one_of(half),
    )
