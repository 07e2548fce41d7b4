"""Nets whose step can be recorded as a graph."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn, optim

from skae._batch import Batch, Parts

from ._captured_step import CapturedStep
from ._graphs import graphs_on
from .fused import has_hooks

if TYPE_CHECKING:
    from ._net import AutoencoderNet

# Optimizers that read the learning rate, and keep their counts of steps, on the device.
_OPTIMIZERS = (optim.Adam, optim.AdamW, optim.RMSprop, optim.SGD)


def is_capturable(net: "AutoencoderNet") -> bool:
    """Return whether a step of a net does the same work each time, without the host.

    Code that is neither torch's nor skae's may do anything; so may callbacks that listen to
    batches. Several ranks talk within a step.
    """
    modules = (net.module_, net.criterion_)
    return (
        net.ranks_.size == 1
        and not net.listens_to_batches_
        and all(map(_is_known_optimizer, net.optimizers()))
        and not any(map(has_hooks, modules))
        and all(_is_known(one) for module in modules for one in module.modules())
    )


def host_state(net: "AutoencoderNet") -> tuple:
    """Return what a recorded step takes from the host and a callback may change, to compare."""
    modules = [one for module in (net.module_, net.criterion_) for one in module.modules()]
    settings = [
        (name, value)
        for module in modules
        for name, value in vars(module).items()
        if name != "progress" and isinstance(value, bool | int | float | str)
    ]
    places = [
        tensor.data_ptr()
        for module in (net.module_, net.criterion_)
        for tensor in (*module.parameters(), *module.buffers())
    ]
    optimizers = [id(optimizer) for optimizer in net.optimizers()]
    return settings, places, optimizers, net.max_grad_norm, net.precision


def _is_known_optimizer(optimizer: optim.Optimizer) -> bool:
    hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    tensors = any(isinstance(group["lr"], Tensor) for group in optimizer.param_groups)
    return type(optimizer) in _OPTIMIZERS and not hooks and not tensors


def _is_known(module: nn.Module) -> bool:
    """Return whether a module is torch's or skae's and does the same work each time."""
    ours = type(module).__module__.partition(".")[0] in ("torch", "skae")
    # cuDNN draws from a generator of its own.
    draws: Any = isinstance(module, nn.RNNBase) and module.dropout
    return ours and not draws and getattr(module, "is_known", True)


def captured(
    nets: "Sequence[AutoencoderNet]", step: Callable[[Batch], Parts]
) -> CapturedStep | None:
    """Return the step of nets recorded as a graph, or None if it is to be launched."""
    graphs = graphs_on(torch.device(nets[0].device)) if all(map(is_capturable, nets)) else None
    if graphs is None:
        return None
    return CapturedStep(
        graphs,
        step,
        [optimizer for net in nets for optimizer in net.optimizers()],
        [net.noise_generator_ for net in nets],
        [term for net in nets for term in net.warm_up_terms_],
    )
