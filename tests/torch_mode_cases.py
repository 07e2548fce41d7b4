"""Torch's modes and global settings, each for a while."""

import warnings
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def changed(get, set_, value):
    """Change a setting of the whole process for a while."""
    before = get()
    set_(value)
    try:
        yield
        assert get() == value
    finally:
        set_(before)


def default_dtype():
    return changed(torch.get_default_dtype, torch.set_default_dtype, torch.float64)


def short_products():
    return changed(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium")


def deterministic_algorithms():
    return changed(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    )


def anomaly_mode():
    return changed(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, True)


def autocast():
    return torch.autocast("cpu", torch.bfloat16)


def autocast_on_gpus():
    with warnings.catch_warnings():
        # Without a GPU torch says that it will do nothing.
        warnings.simplefilter("ignore", UserWarning)
        return torch.autocast("cuda", torch.float16)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": autocast,
    "autocast_on_gpus": autocast_on_gpus,
    "default_dtype": default_dtype,
    "default_device": lambda: torch.device("meta"),
    "short_products": short_products,
    "deterministic_algorithms": deterministic_algorithms,
    "anomaly_mode": anomaly_mode,
}


@contextmanager
def all_modes():
    with ExitStack() as stack:
        for name in ("no_grad", "autocast", "default_dtype", "default_device", "short_products"):
            stack.enter_context(MODES[name]())
        yield
