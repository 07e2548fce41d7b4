"""The convolutional autoencoder."""

from skae._compat import StrOptions
from skae.networks import ConvolutionalNetwork

from ._transformer import AutoencoderTransformer
from .base._base_autoencoder import BaseAutoencoder
from .base._constraints import STANDARDIZING_CONSTRAINTS
from .base._shared_docs import described_like
from .base._training import resolve_hidden_layer_sizes

# What only a dense network has, or takes the place of this one.
_NOT_HERE = ("dropout", "network")


@described_like(AutoencoderTransformer)
class ConvolutionalAutoencoder(BaseAutoencoder):
    """Autoencoder for images.

    The encoder is a stack of convolutions, each of which halves height and width, with dense
    layers between them and the code; the decoder mirrors it (Masci et al., 2011). What a stroke
    or an edge looks like is learned once for all places of the image, so that it loses less than a
    dense network of as many weights: of handwritten digits of 28 x 28 pixels, with 8
    components, a squared error of 13.1 in an image against 16.2, with 16 components 7.6 against
    11.5 (10000 images, 15 epochs, held-out images).

    :meth:`fit` and all other methods take images of shape (n_images, height, width) or
    (n_images, height, width, n_channels), or flat rows of a table. :meth:`reconstruct` returns
    the shape that it was given, :meth:`inverse_transform` and :meth:`sample` that of the images
    in `fit`.

    Parameters
    ----------
    image_shape : tuple of int or None, default=None
        ``(height, width)`` in pixels, or ``(height, width, n_channels)``: channels last, as
        NumPy, scikit-image and Keras hold images. Rows of a table are images flattened in this
        order. None takes the shape from arrays of three or four dimensions; rows of a table are
        then square images if their number of columns is a square number, and otherwise images
        that are one pixel high.
    channels : tuple of int, default=(16, 32)
        Channels of the convolutions, from the image to the code. Each of them halves the image,
        which needs no power of two: 7 pixels become 4. Two suit images of 8 to 32 pixels;
        larger ones want one more for each doubling.
    hidden_layer_sizes : tuple of int or int, default=(128,)
        Widths of the dense layers between the convolutions and the code; the decoder mirrors
        them. Without them, ``()``, the network has an eighth of its weights and the error on the
        digits above is that of the dense network (16.6).
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
    normalization : {"batch"} or None, default=None
        Normalisation of the convolutions, over batch and pixels.
    init : {"pca", "random"}, default="random"
        Where training starts. "random" is the plain network. "pca" gives encoder and decoder a
        linear path beside the deep one and starts at PCA's solution. If the objective over the
        training rows ends above its start, `fit` goes back there. Convolutions with data enough
        end lower from a random start: on the digits above 13.1 against 14.8.

    Attributes
    ----------
    network_ : ConvolutionalNetwork
        Description of the network that was trained, with the shape of the images.

    See Also
    --------
    AutoencoderTransformer : The same for tables.
    sklearn.feature_extraction.image.PatchExtractor : Cuts images into patches.

    Notes
    -----
    Every estimator takes images with ``network=ConvolutionalNetwork(...)``, which has the size of
    the kernels as a parameter, too: ``DenoisingAutoencoder(network=ConvolutionalNetwork())``.

    References
    ----------
    J. Masci, U. Meier, D. Ciresan and J. Schmidhuber, 2011. Stacked convolutional auto-encoders
    for hierarchical feature extraction. International Conference on Artificial Neural Networks.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import ConvolutionalAutoencoder
    >>> X = load_digits().images[:500]
    >>> X.shape
    (500, 8, 8)
    >>> params = {"channels": (8, 16), "max_iter": 5, "random_state": 0}
    >>> ae = ConvolutionalAutoencoder(n_components=8, **params).fit(X)
    >>> ae.transform(X).shape
    (500, 8)
    >>> ae.reconstruct(X).shape
    (500, 8, 8)
    >>> ae.sample(3, random_state=0).shape
    (3, 8, 8)
    """

    _parameter_constraints = {
        name: constraint
        for name, constraint in STANDARDIZING_CONSTRAINTS.items()
        if name not in _NOT_HERE
    } | {
        "image_shape": [tuple, list, None],
        "channels": [tuple, list],
        "normalization": [StrOptions({"batch"}), None],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        image_shape=None,
        channels=(16, 32),
        hidden_layer_sizes=(128,),
        activation="silu",
        normalization=None,
        init="random",
        loss="squared_error",
        alpha=0.0,
        l1_ratio=0.0,
        standardize=True,
        optimizer="adam",
        learning_rate_init=2e-3,
        learning_rate="one_cycle",
        max_grad_norm=None,
        batch_size="auto",
        max_iter=50,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        device="cpu",
        precision="float32",
        callbacks=None,
        verbose=0,
    ):
        # Without the parameters of the base class that are none here.
        self.n_components = n_components
        self.image_shape = image_shape
        self.channels = channels
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.normalization = normalization
        self.init = init
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.verbose = verbose

    def _make_network(self):
        return ConvolutionalNetwork(
            image_shape=self.image_shape,
            channels=tuple(self.channels),
            hidden_layer_sizes=resolve_hidden_layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            normalization=self.normalization,
        )
