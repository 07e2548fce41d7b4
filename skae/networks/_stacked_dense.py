"""Dense autoencoders of the same shapes that run as one stack of batched matrix products."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from ._autoencoder import Autoencoder
from ._dense_stack import DenseStack


class StackedAutoencoders:
    """Runs dense autoencoders side by side, each on its own rows.

    Rows, codes and outputs have a leading dimension, that of the autoencoders. The parameters are
    copies.
    """

    def __init__(
        self, encoder: "_StackedHalf", decoder: "_StackedHalf", mean: Tensor, scale: Tensor
    ) -> None:
        self._encoder, self._decoder = encoder, decoder
        self._mean, self._scale = mean, scale

    @classmethod
    @torch.no_grad()
    def of(cls, modules: Sequence[nn.Module]) -> Self | None:
        """Return a stack of fitted autoencoders, or None if one is not dense or differs in shape.

        Hooks are not considered.
        """
        parts = [_parts_of(module) for module in modules]
        known = [both for both in parts if both is not None]
        if len(known) < len(modules) or any(_kind_of(both) != _kind_of(known[0]) for both in known):
            return None
        encoder, decoder = (_StackedHalf(halves) for halves in zip(*known, strict=True))
        mean, scale = (
            torch.stack([getattr(module, name) for module in modules])[:, None]
            for name in ("code_mean", "code_scale")
        )
        return cls(encoder, decoder, mean, scale)

    def encode(self, x: Tensor) -> Tensor:
        """Return the scaled codes of `x`."""
        return (self._encoder(x) - self._mean) / self._scale

    def decode(self, codes: Tensor) -> Tensor:
        """Return the raw reconstruction of scaled codes."""
        return self._decoder(codes * self._scale + self._mean)


class _StackedHalf:
    """The same half of several autoencoders."""

    def __init__(self, halves: Sequence[DenseStack]) -> None:
        of_places = zip(*(half.layers for half in halves), strict=True)
        *self._hidden, self._last = [_StackedLinear(layers) for layers in of_places]
        self._activations = halves[0].activations
        linear = [half.linear for half in halves if half.linear is not None]
        self._linear = _StackedLinear(linear) if linear else None

    def __call__(self, x: Tensor) -> Tensor:
        h = x
        for layer, activation in zip(self._hidden, self._activations, strict=True):
            h = activation(layer(h))
        h = self._last(h)
        return h if self._linear is None else h + self._linear(x)


class _StackedLinear:
    """The same linear layer of several autoencoders."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        weights, biases = zip(*(layer.parameters() for layer in layers), strict=True)
        self._weight, self._bias = torch.stack(weights).mT, torch.stack(biases)[:, None]

    def __call__(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self._bias, x, self._weight)


def _parts_of(module: nn.Module) -> tuple[DenseStack, DenseStack] | None:
    """Return both halves of a dense autoencoder whose layers have biases, else None."""
    if not isinstance(module, Autoencoder) or not module.has_plain_latent:
        return None
    encoder, decoder = module.dense_encoder, module.dense_decoder
    if encoder is None or decoder is None or encoder.first is not None:
        return None
    layers = [*_layers_of(encoder), *_layers_of(decoder)]
    return None if any(layer.bias is None for layer in layers) else (encoder, decoder)


def _kind_of(halves: Sequence[DenseStack]) -> list:
    """Return what is equal for autoencoders that can be stacked."""
    return [
        (
            half.linear is None,
            # With their parameters, such as the slope of a leaky ReLU.
            [repr(activation) for activation in half.activations],
            [
                (one.shape, one.dtype, one.device)
                for layer in _layers_of(half)
                for one in layer.parameters()
            ],
        )
        for half in halves
    ]


def _layers_of(half: DenseStack) -> list[nn.Module]:
    """Return all linear layers."""
    return half.layers if half.linear is None else [*half.layers, half.linear]
