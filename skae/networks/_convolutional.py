"""Convolutional encoders and decoders for images."""

from dataclasses import dataclass, replace
from math import isqrt
from typing import Self

from torch import Generator, nn

from ._convolutions import ConvolutionalHalves, check_convolutions
from ._layers import ActivationName
from ._network import Network
from ._row_shapes import RowLayout


def _square_or_flat(n_columns: int) -> tuple[int, int]:
    side = isqrt(n_columns)
    return (side, side) if side**2 == n_columns else (1, n_columns)


_LAYOUT = RowLayout("image_shape", ("height", "width", "n_channels"), _square_or_flat)


@dataclass
class ConvolutionalNetwork(Network):
    """Description of a convolutional autoencoder for images.

    The encoder is a stack of convolutions of stride two, each of which halves height and width
    (rounded up), and dense layers. The decoder mirrors it with transposed convolutions (Dumoulin
    and Visin, 2016) and gives back images of exactly the same size. An activation follows each
    layer except code and output, which are linear.

    Parameters
    ----------
    image_shape : tuple of int or None, default=None
        ``(height, width)`` in pixels, or ``(height, width, n_channels)``: channels last, as
        NumPy, scikit-image and Keras hold images. Rows of a table are images flattened in this
        order. None takes the shape of arrays of three or four dimensions from them; rows of a
        table are then square images if their number of columns is a square number, and
        otherwise images of one pixel's height.
    channels : tuple of int, default=(16, 32)
        Channels of the convolutions, from the image to the code.
    hidden_layer_sizes : tuple of int, default=(128,)
        Widths of the dense layers between the convolutions and the code, which see the whole
        image; the decoder mirrors them.
    kernel_size : int, default=5
        Height and width of the kernels in pixels, an odd number of at least 3.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
    normalization : {"batch"} or None, default=None
        Normalisation of the convolutions, over batch and pixels.

    See Also
    --------
    skae.ConvolutionalAutoencoder : The autoencoder of this network.

    References
    ----------
    V. Dumoulin and F. Visin, 2016. A guide to convolution arithmetic for deep learning.
    arXiv:1603.07285.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import DenoisingAutoencoder
    >>> from skae.networks import ConvolutionalNetwork
    >>> network = ConvolutionalNetwork(channels=(8, 16))
    >>> images = load_digits().images[:500]
    >>> dae = DenoisingAutoencoder(8, network=network, max_iter=2, random_state=0).fit(images)
    >>> dae.network_.image_shape
    (8, 8)
    """

    image_shape: tuple | None = None
    channels: tuple = (16, 32)
    hidden_layer_sizes: tuple = (128,)
    kernel_size: int = 5
    activation: ActivationName = "silu"
    normalization: str | None = None

    takes_shaped_rows = True
    row_axes = "row", "column", "channel"

    def for_rows(self, row_shape: tuple[int, ...]) -> Self:
        """Return this description with the shape of the images; see :meth:`Network.for_rows`."""
        check_convolutions(self)
        return replace(self, image_shape=_LAYOUT.resolve(self.image_shape, row_shape))

    def with_gaps(self, n_values: int) -> tuple[Self, int]:
        """Return the description of an encoder that sees gaps; see :meth:`Network.with_gaps`."""
        *pixels, n_channels = _LAYOUT.shape_to_build(self.image_shape, n_values, "encoder")
        return replace(self, image_shape=(*pixels, 2 * n_channels)), n_channels

    def build_encoder(self, n_inputs: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the encoder; see :meth:`Network.build_encoder`."""
        return self._halves(n_inputs, "encoder").make_encoder(n_outputs, generator)

    def build_decoder(self, n_components: int, n_outputs: int, generator: Generator) -> nn.Module:
        """Return the decoder; see :meth:`Network.build_decoder`."""
        return self._halves(n_outputs, "decoder").make_decoder(n_components, generator)

    def _halves(self, width: int, half: str) -> ConvolutionalHalves:
        check_convolutions(self)
        shape = _LAYOUT.shape_to_build(self.image_shape, width, half)
        return ConvolutionalHalves(self, shape, (self.kernel_size, self.kernel_size))
