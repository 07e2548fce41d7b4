"""In which precision the matrix products of training are done."""

from contextlib import contextmanager, nullcontext
from threading import Lock

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
def products_in(precision, device):
    """Let an NVIDIA GPU shorten the operands of float32 products if "tf32" is asked for.

    Parameters
    ----------
    precision : str
        One of `PRECISIONS`.
    device : torch.device
        Where the network is.
    """
    if precision != "tf32" or device.type != "cuda":
        yield
        return
    _Tf32.enter()
    try:
        yield
    finally:
        _Tf32.leave()


class _Tf32:
    """The caller's settings, while anyone trains in tf32: torch has one for all threads."""

    lock = Lock()
    users = 0
    before = ()

    @staticmethod
    def backends():
        return torch.backends.cuda.matmul, torch.backends.cudnn.conv

    @classmethod
    def enter(cls):
        with cls.lock:
            if cls.users == 0:
                # What equals the setting for all of torch goes on following it.
                for_all = torch.backends.fp32_precision
                found = [backend.fp32_precision for backend in cls.backends()]
                cls.before = ["none" if one == for_all else one for one in found]
            cls.users += 1
            for backend in cls.backends():
                backend.fp32_precision = "tf32"

    @classmethod
    def leave(cls):
        with cls.lock:
            cls.users -= 1
            if cls.users == 0:
                for backend, setting in zip(cls.backends(), cls.before, strict=True):
                    backend.fp32_precision = setting
