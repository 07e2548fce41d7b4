"""The layers of convolutional networks: convolutions of stride two, and rows as images."""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ._layers import aligned_linear, draw_parameters

Sizes = tuple[int, ...]


class FromRows(nn.Module):
    """Turns flat rows into images with the channels first, as torch's convolutions take them.

    `shape` is the (height, width, n_channels) of the image that a row holds.
    """

    def __init__(self, shape: Sizes) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples, n_channels, height, width)."""
        return x.reshape(-1, *self.shape).movedim(-1, 1)


class ToRows(nn.Module):
    """Turns images with the channels first into flat rows with the channels last."""

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of shape (n_samples, n_features)."""
        return x.movedim(1, -1).flatten(1)


def _by_unfolding(module: nn.Module, x: Tensor) -> bool:
    """Return whether to multiply matrices of all images, as `Linear` does, to keep a row's bits.

    In single precision an image gets the same bits wherever in the batch it is. In double
    precision torch multiplies image by image, and each may begin at another alignment in memory.
    """
    return not module.training and x.dtype == torch.float64 and x.device.type == "cpu"


class Convolution(nn.Conv2d):
    """A convolution that gives a row the same bits wherever in the batch the row is."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved images."""
        if not _by_unfolding(self, x):
            return super().forward(x)
        patches = F.unfold(x, self.kernel_size, **_geometry(self.kernel_size))
        result = aligned_linear(patches.mT, self.weight.flatten(1), self.bias).mT
        return result.unflatten(2, halved(x.shape[2:], self.kernel_size))


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution that gives a row the same bits wherever in the batch it is."""

    bias: nn.Parameter

    # The size of its output is fixed: `output_padding` is made for it.
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Return the enlarged images."""
        if not _by_unfolding(self, x):
            return super().forward(x)
        patches = aligned_linear(x.flatten(2).mT, self.weight.flatten(1).T.contiguous()).mT
        growth = zip(x.shape[2:], self.stride, self.output_padding, strict=True)
        sizes = tuple((size - 1) * step + 1 + extra for size, step, extra in growth)
        result = F.fold(patches, sizes, self.kernel_size, **_geometry(self.kernel_size))
        return result + self.bias[:, None, None]


def make_convolution(n_in: int, n_out: int, kernel: Sizes, generator: Generator) -> Convolution:
    """Return a convolution between so many channels that halves all sizes, rounded up.

    A kernel of odd height and width; a size along which it has length one stays.
    """
    layer = nn.utils.skip_init(Convolution, n_in, n_out, kernel, **_geometry(kernel))
    draw_parameters(layer, n_in * kernel[0] * kernel[1], generator)
    return layer


def make_transposed(
    n_in: int, n_out: int, kernel: Sizes, sizes: Sizes, generator: Generator
) -> TransposedConvolution:
    """Return the convolution that goes back to these sizes; see `make_convolution`."""
    strides = _strides(kernel)
    # A size and the next even one have the same half.
    extra = tuple((size - 1) % step for size, step in zip(sizes, strides, strict=True))
    layer = nn.utils.skip_init(
        TransposedConvolution, n_in, n_out, kernel, output_padding=extra, **_geometry(kernel)
    )
    # The number of inputs that one output is a sum of.
    fan_in = n_in * kernel[0] / strides[0] * kernel[1] / strides[1]
    draw_parameters(layer, fan_in, generator)
    return layer


def halved(sizes: Sizes, kernel: Sizes) -> Sizes:
    """Return the sizes after a convolution."""
    return tuple(-(-size // step) for size, step in zip(sizes, _strides(kernel), strict=True))


def _strides(kernel: Sizes) -> Sizes:
    return tuple(min(2, length) for length in kernel)


def _geometry(kernel: Sizes) -> dict[str, Sizes]:
    return {"stride": _strides(kernel), "padding": tuple(length // 2 for length in kernel)}
