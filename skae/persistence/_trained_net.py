"""The form of a trained net in model files, and the states of its random number generators."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ._errors import refuse

# Bytes of a generator's state: a Mersenne Twister on the CPU, and counters on GPUs.
_BYTES_ON = {"cpu": 5056, "cuda": 16, "xpu": 16, "mps": 44}


@dataclass
class NetState:
    """The keys of the dict that `skae.engine.net_to_state` returns.

    Names, shapes and types of weights and moments are compared with those of the net once that is
    built. The options of optimizers are left out of files.
    """

    seed: int
    device: str
    weights: dict[str, np.ndarray]
    objective: dict[str, np.ndarray]
    dtype: Literal["float32", "float64"]
    optimizers: list[dict[Literal["state"], dict[int, dict[str, np.ndarray]]]]
    history: list[dict[str, Any]]
    generators: list[np.ndarray]
    half: Literal["encoder", "decoder"] | None


def check_generators(states: list[np.ndarray], device: str, where: str) -> None:
    """Check the states of the generators of the order, on the CPU, and of the noise."""
    if len(states) != 2:
        refuse(where, states, "the states of two generators")
    for state, of_device in zip(states, ("cpu", device.partition(":")[0]), strict=True):
        _check_generator(state, of_device, where)


def _check_generator(state: np.ndarray, device: str, where: str) -> None:
    """Check the state of one of torch's generators, which torch itself believes."""
    if state.dtype != np.uint8 or state.ndim != 1:
        refuse(where, state, "an array of bytes")
    # Generators of devices that are not listed compare the length themselves.
    n_bytes = _BYTES_ON.get(device, len(state))
    if len(state) != n_bytes:
        refuse(where, state, f"the {n_bytes} bytes of a generator on {device}")
    if device == "cpu":
        # The count of numbers that are left of the last 624, and the position of the next one.
        left, following = state[8:12].view(np.int32)[0], state[16:24].view(np.int64)[0]
        if (left, following) != (1, 0) and not (1 <= left <= 624 and left + following == 625):
            refuse(where, state, "the state of a generator")
