"""Torch devices by name."""

import difflib
import re

import torch

_DEVICES = ("auto", "cpu", "cuda", "mps")

# Names of devices in other libraries.
_ALSO_CALLED = {"gpu": "cuda", "nvidia": "cuda", "rocm": "cuda", "hip": "cuda", "metal": "mps"}


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that a string names; "auto" is the GPU if there is one, else the CPU.

    A string that names no device, or one that this machine lacks, raises a ValueError.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is no torch device. Use 'cpu', 'cuda', 'cuda:1', 'mps' or 'auto'."
            f"{_did_you_mean(device)}"
        ) from error
    try:
        torch.zeros(1, device=resolved).item()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise ValueError(
            f"device={device!r} was asked for, but it is not available on this machine "
            f"({str(error).splitlines()[0]}). Use device='cpu', or device='auto' to take a "
            f"GPU only where there is one."
        ) from error
    return resolved


def _did_you_mean(device: str | torch.device) -> str:
    """Return a sentence with the device that an unknown word stands for, or an empty string."""
    # Keras and TensorFlow have the forms "gpu:0" and "/device:GPU:0".
    words = re.findall("[a-z]+", str(device).lower().replace("device", ""))
    meant = _ALSO_CALLED | {name: name for name in _DEVICES}
    near = [n for word in words for n in difflib.get_close_matches(word, meant, n=1, cutoff=0.7)]
    if not near:
        return ""
    name, number = meant[near[0]], re.search("[0-9]+", str(device))
    if name == "cuda" and number:
        name = f"cuda:{number[0]}"
    return f" Did you mean {name!r}?"


def existing_device(device: str) -> torch.device:
    """Return the device if this machine has it, else the CPU."""
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")
