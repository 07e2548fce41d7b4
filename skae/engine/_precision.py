"""In which precision the matrix products of training are done."""

from contextlib import contextmanager, nullcontext

import torch

PRECISIONS = ("float32", "bfloat16", "tf32")


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


@contextmanager
def products_in(precision):
    """Let an NVIDIA GPU shorten the operands of float32 products if "tf32" is asked for.

    Torch keeps this setting for the whole process; it is put back afterwards.
    """
    if precision != "tf32":
        yield
        return
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "tf32"
        yield
    finally:
        for backend, setting in zip(backends, before, strict=True):
            backend.fp32_precision = setting
