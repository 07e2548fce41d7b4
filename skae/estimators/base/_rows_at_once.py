"""Codes and answers of rows that all go through fitted networks at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from skae.engine import has_hooks
from skae.networks import StackedAutoencoders
from skae.objectives import Loss

if TYPE_CHECKING:
    from ._fitted_network import FittedNetwork

# The mean and the scale of rows.
_Unit = tuple[Tensor, Any]


@dataclass(frozen=True, eq=False)
class RowsAtOnce:
    """Runs a fitted autoencoder, or several, over rows that all go through the network at once.

    Rows and answers are float64 tensors of a device. The network may be on another device, which
    may lack double precision: `of_net` is a tensor of its type there. Answers of several
    autoencoders have a leading dimension, that of the autoencoders.
    """

    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    to_data: Callable[[Tensor, Tensor], Tensor]
    of_net: Tensor
    unit: _Unit
    unit_of_answers: _Unit

    @classmethod
    def of(cls, autoencoder: "FittedNetwork", device: torch.device) -> Self:
        """Return what runs an autoencoder over rows of a device."""
        net = autoencoder.net_
        return cls(
            autoencoder._encode,
            autoencoder._decode,
            net.criterion_.to_data,
            next(net.module_.parameters()),
            _unit_on(device, autoencoder._table),
            _unit_on(device, autoencoder._answers),
        )

    @classmethod
    def of_stack(cls, autoencoders: Sequence["FittedNetwork"], device: torch.device) -> Self | None:
        """Return what runs autoencoders as one stack, or None if they have to run one by one.

        Networks must be dense and of the same shapes, tables numeric and losses the same. On the
        CPU they run one by one: their answers to a row have the same bits in every batch.
        """
        nets = [one.net_ for one in autoencoders]
        of_net = next(nets[0].module_.parameters())
        if of_net.device.type == "cpu":
            return None
        heads = nets[0].criterion_.heads
        for one, net in zip(autoencoders, nets, strict=True):
            # Losses that have learned something are modules, and each is its own.
            same = net.criterion_.heads == heads and all(isinstance(h.loss, Loss) for h in heads)
            if one._mixed is not None or not same or has_hooks(net.module_):
                return None
        stack = StackedAutoencoders.of([net.module_ for net in nets])
        if stack is None:
            return None
        tables, answers = zip(*((one._table, one._answers) for one in autoencoders), strict=True)
        units = _units_on(device, tables), _units_on(device, answers)
        return cls(stack.encode, stack.decode, nets[0].criterion_.to_data, of_net, *units)

    def codes_and_rows(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes and reconstructions."""
        codes, output, scaled = self.codes_and_output(X)
        output = self.to_data(output, scaled.to(self.of_net))
        mean, scale = self.unit_of_answers
        return codes.to(X), output.to(mean) * scale + mean

    def codes_and_output(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes and outputs of the decoder, as the network gives them, and scaled rows."""
        mean, scale = self.unit
        scaled = (X - mean) / scale
        codes = self.encode(scaled.to(self.of_net))
        return codes, self.decode(codes), scaled


def _unit_on(device: torch.device, table: Any) -> _Unit:
    """Return the mean and the scale of the rows of a table, as far as they are tensors there."""
    mean, scale = table.mean.to(device=device, dtype=torch.float64), table.scale
    return mean, scale.to(device) if isinstance(scale, Tensor) else scale


def _units_on(device: torch.device, tables: Sequence[Any]) -> _Unit:
    """Return means and scales of the rows of numeric tables, with a leading dimension."""
    means = torch.stack([table.mean for table in tables])[:, None]
    scales = torch.tensor([table.scale for table in tables], dtype=torch.float64, device="cpu")
    return means.to(device=device, dtype=torch.float64), scales[:, None, None].to(device)
