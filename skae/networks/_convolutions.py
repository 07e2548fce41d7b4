"""Convolutional halves for images and for signals, which are images one pixel high."""

import math
from numbers import Integral

from torch import nn

from ._convolution_layers import FromRows, ToRows, halved, make_convolution, make_transposed
from ._layers import ACTIVATIONS, check_widths, make_linear
from ._names import check_name


def convolutional_encoder(network, shape, kernel, n_outputs, generator):
    """Make convolutions of stride two, dense layers, and a linear one to the output.

    Parameters
    ----------
    network : ConvolutionalNetwork or SequenceNetwork
        Its `channels`, `hidden_layer_sizes`, `activation` and `normalization` are used.
    shape : tuple of int
        (height, width, n_channels) of the image that a row holds.
    kernel : tuple of int
        Height and width of the kernels.
    n_outputs : int
        Width of the output.
    generator : torch.Generator
        Source of the initial weights.
    """
    *sizes, n_in = shape
    layers = [FromRows(shape)]
    for n_out in network.channels:
        layers.append(make_convolution(n_in, n_out, kernel, generator))
        layers += _after_convolution(network, n_out)
        n_in, sizes = n_out, halved(sizes, kernel)
    layers.append(nn.Flatten())
    n_in *= math.prod(sizes)
    for n_out in network.hidden_layer_sizes:
        layers += [make_linear(n_in, n_out, generator), ACTIVATIONS[network.activation]()]
        n_in = n_out
    return nn.Sequential(*layers, make_linear(n_in, n_outputs, generator))


def convolutional_decoder(network, shape, kernel, n_components, generator):
    """Make the mirror image of `convolutional_encoder`, its last layer without an activation.

    Parameters
    ----------
    network, shape, kernel, generator : object
        As for the encoder.
    n_components : int
        Width of the code.
    """
    *sizes, n_channels = shape
    images = [(sizes, n_channels)]
    for n_out in network.channels:
        images.append((halved(images[-1][0], kernel), n_out))
    n_in, layers = n_components, []
    for n_out in network.hidden_layer_sizes[::-1]:
        layers += [make_linear(n_in, n_out, generator), ACTIVATIONS[network.activation]()]
        n_in = n_out
    sizes, n_channels = images.pop()
    layers.append(make_linear(n_in, n_channels * math.prod(sizes), generator))
    layers.append(nn.Unflatten(1, (n_channels, *sizes)))
    while images:
        layers += _after_convolution(network, n_channels)
        n_in = n_channels
        sizes, n_channels = images.pop()
        layers.append(make_transposed(n_in, n_channels, kernel, sizes, generator))
    return nn.Sequential(*layers, ToRows())


def check_convolutions(network):
    """Check the fields of a description that makes convolutions.

    Raises
    ------
    ValueError
        If one of them is not what can be built.
    """
    check_widths("channels", network.channels)
    check_widths("hidden_layer_sizes", network.hidden_layer_sizes)
    if not network.channels:
        raise ValueError("channels=() leaves no convolutions, expected one number at least.")
    kernel_size = network.kernel_size
    if not isinstance(kernel_size, Integral) or kernel_size < 3 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be an odd integer of at least 3, got {kernel_size!r}.")
    check_name("activation", network.activation, ACTIVATIONS)
    check_name("normalization", network.normalization, ["batch"], also=(None,))


def _after_convolution(network, n_channels):
    normalization = [nn.BatchNorm2d(n_channels)] if network.normalization == "batch" else []
    return [*normalization, ACTIVATIONS[network.activation]()]
