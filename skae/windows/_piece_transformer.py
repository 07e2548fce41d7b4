"""The base of transformers that cut arrays into pieces."""

import math
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skae._compat import TransformerMixin, container_adapter
from skae.estimators.base import DeclaredParameters, ParameterErrorsMixin
from skae.tables import check_table, detached, naming_cells

from ._overlap_add import Sizes, pieces_of, put_together, taper_of

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class PieceTransformer(TransformerMixin, DeclaredParameters, ParameterErrorsMixin):
    """Cuts arrays into pieces and puts them together; each piece is a row.

    A subclass declares `step`, `taper` and `flatten`, and describes its pieces.
    """

    def _sizes(self) -> Sizes:
        """Return the size of a piece along each axis of the grid."""
        raise NotImplementedError

    def _steps(self) -> Sizes:
        """Return the step along each axis of the grid."""
        raise NotImplementedError

    def _channels_of_fit(self) -> Sizes:
        """Return the shape of the axes that are kept whole: () or (n_channels,)."""
        raise NotImplementedError

    def _cut(self, values: np.ndarray) -> np.ndarray:
        """Return the pieces of an array, in a view of shape (*counts, *sizes, *channels)."""
        return pieces_of(values, self._sizes(), self._steps())

    def _joined(self, pieces: np.ndarray, counts: Sizes) -> np.ndarray:
        """Return the array that so many pieces along each axis were cut from."""
        tapers = [taper_of(self.taper, size) for size in self._sizes()]  # type: ignore[attr-defined]
        pieces = pieces.reshape(counts + self._piece_shape())
        return put_together(pieces, self._steps(), tapers)

    def _piece_shape(self) -> Sizes:
        return self._sizes() + self._channels_of_fit()

    def _rows(self, pieces: np.ndarray) -> Any:
        """Return pieces as rows of a table or, without `flatten`, with their shape."""
        shape = self._piece_shape()
        flatten: bool = self.flatten  # type: ignore[attr-defined]
        if flatten or len(shape) == 1:
            pieces = pieces.reshape(len(pieces), math.prod(shape))
        adapter = container_adapter("transform", self)
        if adapter is None:
            return pieces
        if pieces.ndim > 2:
            raise ValueError(
                f"set_output asks for a DataFrame, and flatten=False gives arrays of shape "
                f"{pieces.shape}. Set flatten=True, or set_output(transform='default')."
            )
        # The index of a recording is not that of its windows, so scikit-learn cannot do this.
        return adapter.create_container(pieces, None, columns=self.get_feature_names_out())

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the values of a piece."""
        raise NotImplementedError

    def _checked_pieces(self, X: Any, what: str) -> np.ndarray:
        """Return rows as pieces of shape (n_pieces, *sizes, *channels); `what` is what they are."""
        X = read_values(X, check_array, allow_nd=True, input_name="X")
        shape = self._piece_shape()
        if X.shape[1:] not in (shape, (math.prod(shape),)):
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {what} rows of shape "
                f"{(math.prod(shape),)}{f' or {shape}' if len(shape) > 1 else ''}. Give what comes "
                f"back from what transform returned, such as reconstructions of an autoencoder."
            )
        return X.reshape(len(X), *shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def with_shape(X: Any) -> Any:
    """Return a table or an array as it is, and anything else as an array."""
    X = detached(X)
    check_table(X)
    return X if hasattr(X, "shape") else np.asarray(X)


def read_values(X: Any, read: Any, **how: Any) -> np.ndarray:
    """Return an array of numbers, read by a function of scikit-learn. Gaps stay NaN."""
    X = with_shape(X)
    with naming_cells(X):
        return read(X, dtype=_FLOATS, ensure_all_finite="allow-nan", **how)
