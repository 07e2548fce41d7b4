"""The most exact type of numbers on a device."""

import torch


def exact_dtype(device: torch.device) -> torch.dtype:
    """Return float64, or float32 where a device has no other: Apple's GPUs."""
    return torch.float32 if device.type == "mps" else torch.float64
