"""Convolutional encoders and decoders for images."""

from dataclasses import dataclass, replace
from math import isqrt

from ._convolutions import check_convolutions, convolutional_decoder, convolutional_encoder
from ._network import Network
from ._row_shapes import resolve_shape, with_channels

_DIMENSIONS = ("height", "width", "n_channels")


@dataclass
class ConvolutionalNetwork(Network):
    """Description of a convolutional autoencoder for images.

    The encoder is a stack of convolutions of stride two, each of which halves height and width
    (rounded up), and dense layers. The decoder mirrors it with transposed convolutions (Dumoulin
    and Visin, 2016) and gives back exactly the size of the images, whatever that is. Each layer
    is followed by an activation, but for code and output, which are linear.

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
    >>> images = load_digits().images
    >>> dae = DenoisingAutoencoder(8, network=network, max_iter=5, random_state=0).fit(images)
    >>> dae.network_.image_shape
    (8, 8)
    """

    image_shape: tuple | None = None
    channels: tuple = (16, 32)
    hidden_layer_sizes: tuple = (128,)
    kernel_size: int = 5
    activation: str = "silu"
    normalization: str | None = None

    takes_shaped_rows = True

    def for_rows(self, row_shape):
        """Return this description with the shape of the images; see :meth:`Network.for_rows`."""
        check_convolutions(self)
        shape = resolve_shape("image_shape", self.image_shape, row_shape, _DIMENSIONS, _image_of)
        return replace(self, image_shape=shape)

    def build_encoder(self, n_features, n_outputs, generator):
        """Make the encoder; see :meth:`Network.build_encoder`."""
        return convolutional_encoder(self, *self._built(n_features), n_outputs, generator)

    def build_decoder(self, n_components, n_features, generator):
        """Make the decoder; see :meth:`Network.build_decoder`."""
        return convolutional_decoder(self, *self._built(n_features), n_components, generator)

    def _built(self, n_features):
        """Return the full shape of the images, and that of the kernels."""
        shape = self.for_rows((n_features,)).image_shape
        return with_channels(shape, _DIMENSIONS), (self.kernel_size, self.kernel_size)


def _image_of(n_columns):
    side = isqrt(n_columns)
    return (side, side) if side**2 == n_columns else (1, n_columns)
