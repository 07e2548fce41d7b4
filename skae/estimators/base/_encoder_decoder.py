"""The two halves of a fitted autoencoder as estimators of their own."""

from dataclasses import field
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._compat import DocumentedEstimator, HasMethods, TransformerMixin, fit_context
from skae.engine import half_of_state

from ._declared_parameters import DeclaredParameters


class _Half(DeclaredParameters, DocumentedEstimator):
    """A fitted autoencoder; pickles and model files hold one half of it.

    Parameters
    ----------
    autoencoder : estimator
        A fitted autoencoder.
    """

    autoencoder: Annotated[Any, HasMethods(["reconstruct"])] = field(kw_only=False)

    _half: ClassVar[str]

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Do nothing: the autoencoder is fitted.

        Parameters
        ----------
        X : None
            Ignored.
        y : None
            Ignored.

        Returns
        -------
        self : object
            This half.

        Raises
        ------
        NotFittedError
            If the autoencoder is not fitted.
        """
        check_is_fitted(self)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self.autoencoder, "net_")

    def __sklearn_clone__(self) -> Self:
        # There is nothing that could be fitted anew.
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the other half and without what only training needs."""
        if not self.__sklearn_is_fitted__():
            return super().__getstate__()
        state = self.autoencoder.__getstate__()
        half = half_of_state(state["net_"], self._half)
        cls: Any = type(self.autoencoder)
        kept = cls.__new__(cls)
        kept.__setstate__({**state, "net_": half, "_some_codes": None, "_mixture": None})
        return {**super().__getstate__(), "autoencoder": kept}


class Encoder(TransformerMixin, _Half):
    """The encoder of a fitted autoencoder as a transformer.

    ``encoder_`` of a fitted autoencoder returns it. It needs no fitting, and does not change when
    the autoencoder is fitted again. In memory the two share their weights; a pickle or a file of
    :func:`skae.save` holds only the encoder's, about half of them.

    Attributes
    ----------
    n_features_in_ : int
        Number of features of the rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the autoencoder was fitted on rows that have names.

    See Also
    --------
    Decoder : The other half.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> bool((ae.encoder_.transform(X) == ae.transform(X)).all())
    True
    """

    _half = "encoder"

    @property
    def n_features_in_(self) -> int:
        """Number of features of the rows."""
        return self.autoencoder.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, if the autoencoder was fitted on rows that have names."""
        return self.autoencoder.feature_names_in_

    def transform(self, X: Any) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : {ndarray, tensor} of shape (n_samples, n_components)
            As ``transform`` of the autoencoder gives them.
        """
        check_is_fitted(self)
        return self.autoencoder.transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the codes.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked against those of the autoencoder.

        Returns
        -------
        names : ndarray of str objects
            A name for each component.
        """
        return self.autoencoder.get_feature_names_out(input_features)


class Decoder(_Half):
    """The decoder of a fitted autoencoder as an estimator.

    ``decoder_`` of a fitted autoencoder returns it. It does not change when the autoencoder is
    fitted again. In memory the two share their weights; a pickle or a file of :func:`skae.save`
    holds only the decoder's, about half of them.

    Attributes
    ----------
    n_features_in_ : int
        Number of components of the codes.

    See Also
    --------
    Encoder : The other half.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> codes = ae.transform(X)
    >>> bool((ae.decoder_.inverse_transform(codes) == ae.inverse_transform(codes)).all())
    True
    """

    _half = "decoder"

    @property
    def n_features_in_(self) -> int:
        """Number of components of the codes."""
        return self.autoencoder.n_components_

    def inverse_transform(self, X: Any, y: Any = None) -> Any:
        """Decode codes.

        Parameters
        ----------
        X : {array-like, tensor} of shape (n_samples, n_components)
            Codes.
        y : array-like of shape (n_samples,) or a class, default=None
            The classes that they are decoded as, if the autoencoder is conditional.

        Returns
        -------
        X_original : {ndarray, tensor} of shape (n_samples, n_features)
            As ``inverse_transform`` of the autoencoder gives them.
        """
        check_is_fitted(self)
        given = {} if y is None else {"y": y}
        return self.autoencoder.inverse_transform(X, **given)
