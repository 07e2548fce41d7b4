"""The two halves of a fitted autoencoder, for those who need only one."""

from typing import ClassVar

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skae._compat import HasMethods, fit_context
from skae.engine import half_of_state


class _Half(BaseEstimator):
    """A fitted autoencoder of which pickles and model files hold one half."""

    _parameter_constraints: ClassVar = {"autoencoder": [HasMethods(["reconstruct"])]}

    def __init__(self, autoencoder):
        self.autoencoder = autoencoder

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X=None, y=None):
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

    def __sklearn_is_fitted__(self):
        return hasattr(self.autoencoder, "net_")

    def __sklearn_clone__(self):
        # There is nothing that could be fitted anew.
        return self

    def __getstate__(self):
        """Leave the other half out, and what only training needs."""
        if not self.__sklearn_is_fitted__():
            return super().__getstate__()
        state = self.autoencoder.__getstate__()
        half = half_of_state(state["net_"], self._half)
        kept = type(self.autoencoder).__new__(type(self.autoencoder))
        kept.__setstate__({**state, "net_": half, "_some_codes": None, "_mixture": None})
        return {**super().__getstate__(), "autoencoder": kept}


class Encoder(TransformerMixin, _Half):
    """The half of a fitted autoencoder that makes codes.

    It is what ``encoder_`` of a fitted autoencoder returns: a transformer that needs no fitting,
    and that stays as it is when the autoencoder is fitted again. In memory the two share their
    weights; a pickle or a file of :func:`skae.save` holds those of the encoder only, about half
    as many.

    Parameters
    ----------
    autoencoder : estimator
        A fitted autoencoder.

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
    def n_features_in_(self):
        """Number of features of the rows."""
        return self.autoencoder.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features, if the autoencoder knows them."""
        return self.autoencoder.feature_names_in_

    def transform(self, X):
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

    def get_feature_names_out(self, input_features=None):
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
    """The half of a fitted autoencoder that makes rows of codes.

    It is what ``decoder_`` of a fitted autoencoder returns. It stays as it is when the
    autoencoder is fitted again. In memory the two share their weights; a pickle or a file of
    :func:`skae.save` holds those of the decoder only, about half as many.

    Parameters
    ----------
    autoencoder : estimator
        A fitted autoencoder.

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
    def n_features_in_(self):
        """Number of components of the codes."""
        return self.autoencoder.n_components_

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : {array-like, tensor} of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : {ndarray, tensor} of shape (n_samples, n_features)
            As ``inverse_transform`` of the autoencoder gives them.
        """
        check_is_fitted(self)
        return self.autoencoder.inverse_transform(X)
