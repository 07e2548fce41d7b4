"""The layers of convolutional networks: convolutions of stride two, and rows as arrays."""

import torch
from torch import nn
from torch.nn import functional as F

from ._layers import aligned_linear


class FromRows(nn.Module):
    """Flat rows as images with the channels first, as torch's convolutions want them.

    Parameters
    ----------
    shape : tuple of int
        (height, width, n_channels) of the image that a row holds.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        """Return a tensor of shape (n_samples, n_channels, height, width)."""
        return x.reshape(-1, *self.shape).movedim(-1, 1)


class ToRows(nn.Module):
    """Images with the channels first as flat rows with the channels last."""

    def forward(self, x):
        """Return a tensor of shape (n_samples, n_features)."""
        return x.movedim(1, -1).flatten(1)


def _by_unfolding(module, x):
    """Whether to multiply matrices of all images, as `Linear` does, to keep a row's bits.

    Single precision has kernels that give an image the same bits wherever in the batch it is; in
    double precision torch multiplies image by image, wherever in memory each of them begins.
    """
    return not module.training and x.dtype == torch.float64 and x.device.type == "cpu"


class Convolution(nn.Conv2d):
    """A convolution whose result for a row does not depend on the row's place."""

    def forward(self, x):
        """Return the convolved images."""
        if not _by_unfolding(self, x):
            return super().forward(x)
        patches = F.unfold(x, self.kernel_size, 1, self.padding, self.stride)
        result = aligned_linear(patches.mT, self.weight.flatten(1), self.bias).mT
        sizes = [-(-size // step) for size, step in zip(x.shape[2:], self.stride, strict=True)]
        return result.unflatten(2, sizes)


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution whose result for a row does not depend on the row's place."""

    def forward(self, x):
        """Return the images that grew."""
        if not _by_unfolding(self, x):
            return super().forward(x)
        patches = aligned_linear(x.flatten(2).mT, self.weight.flatten(1).T.contiguous()).mT
        growth = zip(x.shape[2:], self.stride, self.output_padding, strict=True)
        sizes = [(size - 1) * step + 1 + extra for size, step, extra in growth]
        result = F.fold(patches, sizes, self.kernel_size, 1, self.padding, self.stride)
        return result + self.bias[:, None, None]


def make_convolution(n_in, n_out, kernel, generator):
    """Make a convolution that halves all sizes that its kernel spans, rounded up.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    kernel : tuple of int
        Height and width of the kernel, odd numbers. A one leaves the size as it is.
    generator : torch.Generator
        Source of the initial weights, which are as wide as those of `make_linear`.
    """
    return _make(Convolution, n_in, n_out, kernel, n_in * kernel[0] * kernel[1], generator)


def make_transposed(n_in, n_out, kernel, sizes, generator):
    """Make the convolution that goes back to these sizes; see `make_convolution`."""
    strides = _strides(kernel)
    # A size and the next even one have the same half.
    extra = tuple((size - 1) % step for size, step in zip(sizes, strides, strict=True))
    # As many values as add up to one of the output.
    fan_in = n_in * kernel[0] / strides[0] * kernel[1] / strides[1]
    return _make(
        TransposedConvolution, n_in, n_out, kernel, fan_in, generator, output_padding=extra
    )


def halved(sizes, kernel):
    """Return the sizes that a convolution leaves of these."""
    return tuple(-(-size // step) for size, step in zip(sizes, _strides(kernel), strict=True))


def _strides(kernel):
    return tuple(min(2, length) for length in kernel)


def _make(kind, n_in, n_out, kernel, fan_in, generator, **kwargs):
    padding = tuple(length // 2 for length in kernel)
    layer = nn.utils.skip_init(
        kind, n_in, n_out, kernel, stride=_strides(kernel), padding=padding, **kwargs
    )
    bound = fan_in**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer
