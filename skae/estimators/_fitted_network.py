"""What a fitted autoencoder does with rows and codes."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import check_sample_weight
from skae.engine import ScaledRows, forward_in_chunks

from ._training import check_range

FLOATS = (np.float64, np.float32)


class FittedNetworkMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Encode, decode and score with ``net_``, ``mean_`` and ``scale_``."""

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, of zero mean and unit variance over the training rows, in the dtype of
            `X` if that is float32 or float64, else float64.
        """
        X = self._validate_new(X)
        codes = np.empty((X.shape[0], self.n_components_), X.dtype)
        for selection, _, result in self._forward(self._encode, self._scaled(X)):
            codes[selection] = result[: selection.stop - selection.start]
        return codes

    def inverse_transform(self, X):
        """Decode codes back to rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Decoded rows in the unit of the training data, in the dtype of the codes.

        Raises
        ------
        ValueError
            If `X` has not `n_components_` columns.
        """
        check_is_fitted(self, "net_")
        X = check_array(X, dtype=FLOATS, input_name="X")
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but {type(self).__name__} decodes codes of "
                f"n_components_={self.n_components_}, as transform gives them."
            )
        codes = ScaledRows(X, np.zeros(self.n_components_), 1.0)
        return self._decoded(self._decode, codes)

    def reconstruct(self, X):
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``.
        """
        X = self._validate_new(X)
        return self._decoded(self._there_and_back, self._scaled(X))

    def score_samples(self, X):
        """Score rows by how well they are reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,) and dtype float64
            Minus the reconstruction loss of each row, averaged over its features, in the
            unit of the data: minus the mean squared error for ``loss="squared_error"``.
            Higher is more ordinary.
        """
        X = self._validate_new(X)
        objective = self.net_.criterion_
        check_range(X, objective.loss)
        scores = np.empty(X.shape[0])
        for selection, x, output in self._forward(self._there_and_back, self._scaled(X)):
            losses = objective.row_losses(output.double(), x.double())
            scores[selection] = losses[: selection.stop - selection.start]
        scores *= -self._loss_unit()
        return scores

    def score(self, X, y=None, sample_weight=None):
        """Average the scores of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the average.

        Returns
        -------
        score : float
            Weighted mean of :meth:`score_samples`; higher is better.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, scores, dtype=np.float64, ensure_non_negative=True
            )
        return float(np.average(scores, weights=sample_weight))

    @property
    def _n_features_out(self):
        return self.n_components_

    def _validate_new(self, X):
        check_is_fitted(self, "net_")
        return validate_data(self, X, reset=False, accept_sparse="csr", dtype=FLOATS)

    def _scaled(self, X):
        return ScaledRows(X, self.mean_, self.scale_)

    def _loss_unit(self):
        """What a loss of scaled rows is multiplied by to be one of the data."""
        return self.scale_**self.net_.criterion_.loss.scale_power

    def _encode(self, x):
        return self.net_.module_.encode(x)

    def _decode(self, codes):
        return self.net_.module_.decode(codes)

    def _there_and_back(self, x):
        return self._decode(self._encode(x))

    def _forward(self, function, rows):
        return forward_in_chunks(function, rows, self.net_.module_)

    def _decoded(self, function, rows):
        """Run a function that ends in the decoder; return rows in the unit of the data."""
        loss = self.net_.criterion_.loss
        decoded = np.empty((rows.shape[0], self.n_features_in_), rows.X.dtype)
        for selection, _, output in self._forward(lambda x: loss.to_data(function(x)), rows):
            # In double precision, as the scale of the data may leave the range of float32.
            output = output[: selection.stop - selection.start].double().numpy()
            decoded[selection] = output * self.scale_ + self.mean_
        return decoded
