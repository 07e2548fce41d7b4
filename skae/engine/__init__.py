"""Training and inference: skorch's net, its batches, its callbacks, devices, threads."""

from ._devices import existing_device, resolve_device
from ._inference import forward_in_chunks
from ._moments import code_moments, merge_moments
from ._net import AutoencoderNet
from ._optimizers import OPTIMIZERS
from ._rows import ScaledRows, TrainingRows
from ._schedules import SCHEDULES
from ._state import load_net_state, net_to_state
from ._threads import threads_for

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "AutoencoderNet",
    "ScaledRows",
    "TrainingRows",
    "code_moments",
    "existing_device",
    "forward_in_chunks",
    "load_net_state",
    "merge_moments",
    "net_to_state",
    "resolve_device",
    "threads_for",
]
