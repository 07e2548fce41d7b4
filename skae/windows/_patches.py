"""The transformer that cuts images into patches."""

import math
from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skae._compat import fit_context
from skae.estimators.base import POSITIVE_INT, fitted

from ._overlap_add import Sizes, counts_of, taper_of
from ._piece_transformer import PieceTransformer, read_values

# The last axis of an array of three dimensions is colours if it has at most so many: red, green,
# blue and opacity.
_MOST_COLOURS = 4

PairOfSizes = Annotated[Sequence[int] | int, "array-like", POSITIVE_INT]


class Patches(PieceTransformer):
    """Cuts images into patches, and puts patches together to images.

    Each patch is a row, so that an autoencoder, PCA or any other transformer of scikit-learn
    learns from a photograph, and in a pipeline cleans it as a whole. Where patches overlap,
    `inverse_transform` averages them, weighted by a window function such as Hann's along both axes,
    so that no seams show. Patches that nothing changed give back the images, up to rounding.

    Parameters
    ----------
    patch_size : int or tuple of int, default=8
        Height and width of a patch in pixels; one number for both.
    step : int, tuple of int or None, default=None
        Pixels from one patch to the next, down and right, at most `patch_size`, as nothing could
        fill a gap between patches. None is half of `patch_size`. A smaller step averages more
        answers, which removes more noise; half the step makes four times as many patches.
    taper : str, default="hann"
        Name of the window function of :func:`scipy.signal.get_window` that weights the pixels of a
        patch where patches overlap. "hann" trusts the middle of a patch most, as an autoencoder
        knows less about what lies at its edges. "boxcar" takes plain means, which remove more noise
        where `step` is a small part of the size.
    flatten : bool, default=True
        Whether patches become rows of a table, as most estimators need them. False returns arrays
        of shape (n_patches, height, width) or (n_patches, height, width, n_channels), from which
        :class:`~skae.ConvolutionalAutoencoder` takes the shape of a patch.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height and width of the images of `fit`.

    See Also
    --------
    Windows : The same for recordings.
    skae.DenoisingAutoencoder : Learns to remove noise.
    sklearn.feature_extraction.image.extract_patches_2d : Patches at random places.

    Notes
    -----
    Patches start at every `step`-th pixel. Where the last ones reach beyond the edge of the image,
    it is mirrored there, by less than `step` pixels.

    An array of three dimensions is one image in colour if its last axis has at most four values,
    and several grey images otherwise. Give ``X[..., None]`` if these are images of at most four
    pixels in width, and ``X[None]`` if one image has more channels.

    `transform` takes images of any size and keeps no state. `inverse_transform` makes images of the
    size that `fit` saw, unless `image_shape` tells another one. In a pipeline this is metadata:
    ``Patches().set_inverse_transform_request(image_shape=True)``.

    Patches take `patch_size` squared over `step` squared times the memory of the images.

    Gaps, NaN, stay in the patches: the autoencoders of this package fill them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_sample_image
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from skae.windows import Patches
    >>> photograph = load_sample_image("flower.jpg")[:200, :200] / 255
    >>> noisy = photograph + 0.1 * np.random.default_rng(0).normal(size=photograph.shape)
    >>> pipeline = make_pipeline(Patches(8, step=2), PCA(10)).fit(noisy)
    >>> clean = pipeline.inverse_transform(pipeline.transform(noisy))
    >>> clean.shape
    (200, 200, 3)
    >>> bool(np.std(clean - photograph) < 0.4 * np.std(noisy - photograph))
    True
    """

    patch_size: PairOfSizes = field(default=8, kw_only=False)
    step: PairOfSizes | None = None
    taper: str = "hann"
    flatten: bool = True

    image_shape_: tuple = fitted()
    # (n_channels,) of images in colour, () of grey ones.
    _channels: tuple = fitted()
    # Whether `fit` was given an array of images, and not a single one.
    _several: bool = fitted()

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the size of the images and their channels.

        Parameters
        ----------
        X : array-like of shape (height, width), (height, width, n_channels), \
                (n_images, height, width) or (n_images, height, width, n_channels)
            An image, or several of one size.
        y : None
            Ignored, present for the conventions of scikit-learn.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            For invalid parameters, infinite values, a `step` above `patch_size`, or images that are
            smaller than a patch.
        """
        self._check_parameters()
        images, self._several, self._channels = self._read(X)
        self.image_shape_ = images.shape[1:3]
        return self

    def transform(self, X: Any) -> Any:
        """Cut images into patches.

        Parameters
        ----------
        X : array-like of shape (height, width), (height, width, n_channels), \
                (n_images, height, width) or (n_images, height, width, n_channels)
            An image, or several of one size, with the channels of those in `fit`.

        Returns
        -------
        patches : ndarray of shape (n_patches, n_pixels)
            The patches row by row, those of the first image first; `n_pixels` are those of a patch
            in all channels. Without `flatten`, patches keep their shape.
        """
        check_is_fitted(self)
        images, _, channels = self._read(X)
        if channels != self._channels:
            raise ValueError(
                f"X is images with {_in_words(channels)}, but Patches was fitted on images with "
                f"{_in_words(self._channels)}. Give an array of shape (n_images, height, width, "
                f"n_channels) if the axes were misread: X has the shape {np.shape(X)}."
            )
        pieces = np.stack([self._cut(image) for image in images])
        return self._rows(pieces.reshape(-1, *self._piece_shape()))

    def inverse_transform(self, X: Any, image_shape: Any = None) -> np.ndarray:
        """Put patches together to images.

        Parameters
        ----------
        X : array-like of shape (n_patches, n_pixels), (n_patches, height, width) or \
                (n_patches, height, width, n_channels)
            Patches as `transform` returns them, changed or not.
        image_shape : tuple of int, default=None
            Height and width of the images. None is those of `fit`.

        Returns
        -------
        images : ndarray of shape (height, width), (height, width, n_channels), \
                (n_images, height, width) or (n_images, height, width, n_channels)
            One image if `fit` was given one and there are no more patches; otherwise an array of
            images.

        Raises
        ------
        ValueError
            If rows have another width than patches, or images of `image_shape` have another number
            of patches.
        """
        check_is_fitted(self)
        height, width = self._shape_of_images(image_shape)
        patches = self._checked_pieces(X, f"patches of patch_size={self._sizes()} are")
        counts = self._counts((height, width))
        n_images, left = divmod(len(patches), math.prod(counts))
        if left:
            raise ValueError(
                f"X has {len(patches)} rows, but an image of {height} x {width} pixels has "
                f"{math.prod(counts)} patches of patch_size={self._sizes()} at "
                f"step={self._steps()}. Give all patches, and image_shape if the images have "
                f"another size than in fit."
            )
        images = [self._joined(one, counts)[:height, :width] for one in np.split(patches, n_images)]
        return np.stack(images) if self._several or n_images > 1 else images[0]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of patches in a table.

        Parameters
        ----------
        input_features : None
            Ignored, as images have no names.

        Returns
        -------
        names : ndarray of str
            ``pixel_0_0``, ``pixel_0_1`` and so on: row and column, and the channel of images in
            colour.
        """
        check_is_fitted(self)
        places = np.ndindex(self._piece_shape())
        return np.array([f"pixel_{'_'.join(map(str, place))}" for place in places], dtype=object)

    # -- sizes ------------------------------------------------------------------------

    def _sizes(self) -> Sizes:
        return _pair(self.patch_size, "patch_size")

    def _steps(self) -> Sizes:
        if self.step is None:
            height, width = self._sizes()
            return -(-height // 2), -(-width // 2)
        return _pair(self.step, "step")

    def _channels_of_fit(self) -> Sizes:
        return self._channels

    def _counts(self, shape: Sizes) -> Sizes:
        return counts_of(shape, self._sizes(), self._steps())

    def _shape_of_images(self, image_shape: Any) -> Sizes:
        """Return the height and width of the images that patches are put together to."""
        if image_shape is None:
            return self.image_shape_
        shape = tuple(np.ravel(image_shape).tolist())
        sizes = self._sizes()
        fits = len(shape) == 2 and all(type(n) is int for n in shape)
        if not fits or any(n < size for n, size in zip(shape, sizes, strict=True)):
            raise ValueError(
                f"image_shape must be (height, width), integers of at least patch_size={sizes}, "
                f"got {image_shape!r}."
            )
        return shape

    # -- checks -----------------------------------------------------------------------

    def _check_parameters(self) -> None:
        sizes, steps = self._sizes(), self._steps()
        if any(step > size for step, size in zip(steps, sizes, strict=True)):
            raise ValueError(
                f"step={self.step} is larger than patch_size={self.patch_size}, which leaves gaps "
                f"between patches that inverse_transform cannot fill. Use a step of at most "
                f"{sizes}."
            )
        for size in sizes:
            taper_of(self.taper, size)

    def _read(self, X: Any) -> tuple[np.ndarray, bool, Sizes]:
        """Return images of shape (n_images, height, width, *channels).

        Also returns whether they came as an array of several, and the shape of their channels.
        """
        values = read_values(X, check_array, ensure_2d=False, allow_nd=True, estimator=self)
        in_colour = values.ndim == 4 or (values.ndim == 3 and values.shape[2] <= _MOST_COLOURS)
        n_axes = values.ndim - in_colour
        if n_axes not in (2, 3):
            raise ValueError(
                f"Found array with dim {values.ndim}, while Patches takes images of shape (height, "
                f"width), (height, width, n_channels), (n_images, height, width) or (n_images, "
                f"height, width, n_channels): X has the shape {values.shape}."
            )
        images = values if n_axes == 3 else values[None]
        height, width = images.shape[1:3]
        sizes = self._sizes()
        if height < sizes[0] or width < sizes[1]:
            raise ValueError(
                f"patch_size={self.patch_size} is larger than the images: X of shape "
                f"{values.shape} is taken as {len(images)} of {height} x {width} pixels. Use "
                f"smaller patches. Channels come last."
            )
        return images, n_axes == 3, images.shape[3:]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _pair(value: Any, name: str) -> Sizes:
    """Return one number for both axes, or one for each."""
    sizes = tuple(np.ravel(value).tolist())
    if len(sizes) not in (1, 2) or any(type(size) is not int or size < 1 for size in sizes):
        raise ValueError(
            f"{name} must be an integer of at least 1, or one for rows and one for columns, got "
            f"{value!r}."
        )
    return sizes * 2 if len(sizes) == 1 else sizes


def _in_words(channels: Sizes) -> str:
    return f"{channels[0]} channels" if channels else "no axis of channels"
