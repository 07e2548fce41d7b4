"""Kernels that can be differentiated twice."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from ._process_settings import CudnnEnabled, ProcessSettings

_without_cudnn = ProcessSettings([CudnnEnabled()])


def differentiable(module: nn.Module, device: torch.device) -> AbstractContextManager:
    """Return a context in which a network can be differentiated twice, and in evaluation mode.

    cuDNN can do neither for recurrent layers; torch's own kernels, which are slower, can.
    """
    recurrent = any(isinstance(one, nn.RNNBase) for one in module.modules())
    return _without_cudnn if recurrent and device.type == "cuda" else nullcontext()
