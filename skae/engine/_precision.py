"""In which precision the matrix products of training are done."""

from contextlib import nullcontext

import torch

from ._process_settings import Float32Products, ProcessSettings

PRECISIONS = ("float32", "bfloat16", "tf32")

# Torch has one setting for all threads.
_in_tf32 = ProcessSettings(
    [
        Float32Products(backend, ("tf32",))
        for backend in (
            torch.backends.cuda.matmul,
            torch.backends.cudnn.conv,
            torch.backends.cudnn.rnn,
        )
    ]
)


def low_precision(precision):
    """Return the type that the products are done in if it is not that of the weights, or None."""
    return torch.bfloat16 if precision == "bfloat16" else None


def autocast(precision, device):
    """Run torch's autograd in a precision.

    Parameters
    ----------
    precision : str
        One of `PRECISIONS`.
    device : torch.device
        Where the network is.

    Returns
    -------
    context : context manager
    """
    low = low_precision(precision)
    return nullcontext() if low is None else torch.autocast(device.type, low)


def products_in(precision, device):
    """Let an NVIDIA GPU shorten the operands of float32 products if "tf32" is asked for.

    Parameters
    ----------
    precision : str
        One of `PRECISIONS`.
    device : torch.device
        Where the network is.

    Returns
    -------
    context : context manager
    """
    return _in_tf32 if precision == "tf32" and device.type == "cuda" else nullcontext()
