"""Convolutional halves for images and for signals, which are images one pixel high."""

import math
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Protocol

from torch import Generator, nn

from ._convolution_layers import FromRows, ToRows, halved, make_convolution, make_transposed
from ._layers import ACTIVATIONS, ActivationName, Linear, check_sizes
from ._names import check_name


class ConvolutionalDescription(Protocol):
    """The fields of a network description that its convolutional halves are made from."""

    channels: tuple
    hidden_layer_sizes: tuple
    kernel_size: int
    activation: ActivationName
    normalization: str | None


def check_convolutions(network: ConvolutionalDescription) -> None:
    """Raise a ValueError if a field of the description is not allowed."""
    check_sizes("channels", network.channels)
    check_sizes("hidden_layer_sizes", network.hidden_layer_sizes)
    if not network.channels:
        raise ValueError("channels=() leaves no convolutions, expected one number at least.")
    kernel_size = network.kernel_size
    if not isinstance(kernel_size, Integral) or kernel_size < 3 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be an odd integer of at least 3, got {kernel_size!r}.")
    check_name("activation", network.activation, ACTIVATIONS)
    check_name("normalization", network.normalization, ["batch"], also=(None,))


@dataclass(frozen=True)
class ConvolutionalHalves:
    """Makes the halves of a described network.

    `shape` is the (height, width, n_channels) of the image in a row, `kernel` the (height, width)
    of the kernels.
    """

    network: ConvolutionalDescription
    shape: tuple[int, ...]
    kernel: tuple[int, int]

    def make_encoder(self, n_outputs: int, generator: Generator) -> nn.Sequential:
        """Return convolutions of stride two, dense layers, and a linear layer to the output."""
        images = self._images()
        layers: list[nn.Module] = [FromRows(self.shape)]
        for (n_in, *_), (n_out, *_) in pairwise(images):
            layers.append(make_convolution(n_in, n_out, self.kernel, generator))
            layers += self._after_convolution(n_out)
        sizes = [math.prod(images[-1]), *self.network.hidden_layer_sizes]
        layers += [nn.Flatten(), *self._hidden_layers(sizes, generator)]
        return nn.Sequential(*layers, Linear(sizes[-1], n_outputs, generator))

    def make_decoder(self, n_components: int, generator: Generator) -> nn.Sequential:
        """Return the encoder's mirror image; no activation follows its last layer."""
        images = self._images()[::-1]
        sizes = [n_components, *self.network.hidden_layer_sizes[::-1]]
        layers = self._hidden_layers(sizes, generator)
        layers.append(Linear(sizes[-1], math.prod(images[0]), generator))
        layers.append(nn.Unflatten(1, images[0]))
        for (n_in, *_), (n_out, *pixels) in pairwise(images):
            layers += self._after_convolution(n_in)
            layers.append(make_transposed(n_in, n_out, self.kernel, tuple(pixels), generator))
        return nn.Sequential(*layers, ToRows())

    def _images(self) -> list[tuple[int, ...]]:
        """Return (n_channels, height, width) of the rows and after each convolution."""
        *pixels, n_channels = self.shape
        images = [(n_channels, *pixels)]
        for n_channels in self.network.channels:
            images.append((n_channels, *halved(images[-1][1:], self.kernel)))
        return images

    def _after_convolution(self, n_channels: int) -> list[nn.Module]:
        normalized = self.network.normalization == "batch"
        normalization = [nn.BatchNorm2d(n_channels)] if normalized else []
        return [*normalization, ACTIVATIONS[self.network.activation]()]

    def _hidden_layers(self, sizes: list[int], generator: Generator) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers.append(Linear(n_in, n_out, generator))
            layers.append(ACTIVATIONS[self.network.activation]())
        return layers
