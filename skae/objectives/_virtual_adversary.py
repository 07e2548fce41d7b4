"""The consistency of answers: a row and its neighbours should be answered alike."""

from typing import Any

import torch
from torch import Tensor, nn

from ._label_losses import LabelLoss
from ._random import RandomSource

# The step of the power iteration, as a share of the radius. It is large enough for the rounding of
# float32, which the difference of two answers to close rows must exceed.
_PROBE = 0.05


class VirtualAdversary(nn.Module):
    """Virtual adversarial training (Miyato et al., 2018).

    The penalty is how far the answer to a row moves if the row moves by `radius` in the direction
    that changes the answer most, which one power iteration finds. `radius` is in the unit of the
    scaled rows, as distances of rows are.
    """

    def __init__(self, loss: LabelLoss, radius: float) -> None:
        super().__init__()
        self.loss, self.radius = loss, radius
        self.random = RandomSource()

    def forward(self, module: Any, x: Tensor) -> Tensor:
        """Return the mean penalty of rows, a scalar, for a `SupervisedAutoencoder`."""
        # Reduced precision rounds the small differences to zero.
        with torch.autocast(x.device.type, enabled=False), _running_statistics_kept(module):
            inputs = module.inputs(x).detach()
            with torch.no_grad():
                reference = module.answer_inputs(inputs)
            generator = self.random.generator_on(x.device)
            # Drawn on the device of the generator, and always in single precision.
            drawn = torch.randn(inputs.shape, generator=generator, device=x.device).to(inputs)
            probe = (_unit(drawn) * (_PROBE * self.radius)).requires_grad_()
            moved = self.loss.divergences(reference, module.answer_inputs(inputs + probe))
            (gradient,) = torch.autograd.grad(moved.sum(), probe)
            worst = inputs + _unit(gradient) * self.radius
            return self.loss.divergences(reference, module.answer_inputs(worst)).mean()


def _unit(rows: Tensor) -> Tensor:
    """Return rows of length one; a row of zeros stays one."""
    tiny = torch.finfo(rows.dtype).tiny
    # The squares of small values would all be zero.
    rows = rows / rows.abs().amax(dim=1, keepdim=True).clamp_min(tiny)
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(tiny)


class _running_statistics_kept:
    """Batch normalisation uses the statistics of the batch, but does not learn from moved rows."""

    def __init__(self, module: nn.Module) -> None:
        kinds = nn.modules.batchnorm._BatchNorm
        self._layers = [m for m in module.modules() if isinstance(m, kinds) and m.training]

    def __enter__(self) -> None:
        self._momenta = [layer.momentum for layer in self._layers]
        for layer in self._layers:
            layer.momentum = 0.0

    def __exit__(self, *error: object) -> None:
        for layer, momentum in zip(self._layers, self._momenta, strict=True):
            layer.momentum = momentum
