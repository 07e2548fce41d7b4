"""Kernels whose derivatives can be differentiated."""

from contextlib import nullcontext

from torch import nn

from ._process_settings import CudnnEnabled, ProcessSettings

_without_cudnn = ProcessSettings([CudnnEnabled()])


def differentiable(module, device):
    """Differentiate a network twice, and in evaluation mode, whatever layers it has.

    cuDNN can do neither for recurrent layers; torch's own kernels, which are slower, can.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    device : torch.device
        Where it is.

    Returns
    -------
    context : context manager
    """
    recurrent = any(isinstance(one, nn.RNNBase) for one in module.modules())
    return _without_cudnn if recurrent and device.type == "cuda" else nullcontext()
