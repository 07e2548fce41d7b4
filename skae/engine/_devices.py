"""Which device a string stands for."""

import torch


def resolve_device(device):
    """Turn a device string into a torch.device that exists.

    Parameters
    ----------
    device : str
        Any torch device string, or "auto": the GPU if there is one, else the CPU.

    Returns
    -------
    device : torch.device

    Raises
    ------
    ValueError
        If the string names no device, or one that this machine lacks.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is no torch device. Use 'cpu', 'cuda', 'cuda:1', 'mps' or 'auto'."
        ) from error
    try:
        torch.zeros(1, device=resolved).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} was asked for, but it is not available on this machine "
            f"({str(error).splitlines()[0]}). Use device='cpu', or device='auto' to take a "
            f"GPU only where there is one."
        ) from error
    return resolved


def existing_device(device):
    """Return the device if this machine has it, else the CPU.

    Parameters
    ----------
    device : str
        Where a net was when it was saved.

    Returns
    -------
    device : torch.device
    """
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")
