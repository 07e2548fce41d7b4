"""What a fitted autoencoder does with rows and codes."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skae._threads import one_thread
from skae.engine import torch_defaults
from skae.tables import (
    ScaledRows,
    as_set_output,
    as_tensor,
    validate_codes,
    validate_new_rows,
    validate_weight,
)

from ._halves import Decoder, Encoder
from ._sampling import SamplingMixin
from ._training import check_range


class FittedNetworkMixin(SamplingMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Encode, decode and score with ``net_``, ``mean_`` and ``scale_``."""

    @property
    def encoder_(self):
        """The half that makes codes; an :class:`Encoder`, which later fits do not change."""
        return Encoder(self._snapshot())

    @property
    def decoder_(self):
        """The half that makes rows of codes; a :class:`Decoder`, which later fits do not change."""
        return Decoder(self._snapshot())

    def _snapshot(self):
        """Return an estimator that stays as this one is now.

        They share the fitted net, which nothing changes: training goes on in a copy.
        """
        check_is_fitted(self, "net_")
        snapshot = type(self).__new__(type(self))
        snapshot.__dict__ = self.__dict__.copy()
        return snapshot

    @torch_defaults()
    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : {ndarray, tensor} of shape (n_samples, n_components)
            Codes, in the dtype of `X` if that is float32 or float64, else float64. Where
            nothing else gives them a scale, they have zero mean and unit variance over the
            training rows.
        """
        X, container = validate_new_rows(self, X, "transform")
        rows = self._scaled(X)
        codes = torch.empty(len(rows), self.n_components_, dtype=rows.dtype, device=rows.device)
        for selection, _, result in self.net_.forward_chunks_(self._encode, rows):
            codes[selection] = result[: selection.stop - selection.start]
        return container.close(codes)

    @torch_defaults()
    def inverse_transform(self, X):
        """Decode codes back to rows.

        Parameters
        ----------
        X : {array-like, tensor} of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            Decoded rows in the unit of the training data, in the dtype of the codes. A DataFrame
            if `set_output` asks for one.

        Raises
        ------
        ValueError
            If `X` has not `n_components_` columns.
        """
        codes, container = validate_codes(self, X, "inverse_transform")
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but {type(self).__name__} decodes codes of "
                f"n_components_={self.n_components_}, as transform gives them."
            )
        container = replace(container, row_shape=self._row_shape)
        return as_set_output(self, container.close_rows(self._decoded_codes(codes)), X)

    @torch_defaults()
    def reconstruct(self, X):
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``. A DataFrame if `set_output` asks for one.
        """
        rows, container = validate_new_rows(self, X, "reconstruct")
        rows = container.close_rows(self._decoded(self._there_and_back, self._scaled(rows)))
        return as_set_output(self, rows, X)

    @torch_defaults()
    def score_samples(self, X):
        """Score rows by how well they are reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : {ndarray, tensor} of shape (n_samples,) and dtype float64
            Minus the reconstruction loss of each row, averaged over its features, in the
            unit of the data: minus the mean squared error for ``loss="squared_error"``.
            Higher is more ordinary.
        """
        X, container = validate_new_rows(self, X, "score_samples")
        return container.close(self._score_samples(X))

    def _score_samples(self, X):
        objective = self.net_.criterion_
        check_range(X, objective.loss, self.scale_)
        rows = self._scaled(X, objective.loss.limits)
        scores = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
        with one_thread():
            for selection, x, output in self.net_.forward_chunks_(self._there_and_back, rows):
                losses = objective.row_losses(output.to(scores), x.to(scores))
                scores[selection] = losses[: selection.stop - selection.start]
        return scores.mul_(-self._loss_unit())

    @torch_defaults()
    def score(self, X, y=None, sample_weight=None):
        """Average the scores of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
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
        X, _ = validate_new_rows(self, X, "score")
        scores = self._score_samples(X).cpu().numpy()
        if sample_weight is not None:
            sample_weight = validate_weight(sample_weight, scores)
        return float(np.average(scores, weights=sample_weight))

    @property
    def _n_features_out(self):
        return self.n_components_

    def _scaled(self, X, limits=None):
        return ScaledRows(X, as_tensor(self.mean_), self.scale_, limits)

    def _loss_unit(self):
        """What a loss of scaled rows is multiplied by to be one of the data."""
        return self.scale_**self.net_.criterion_.loss.scale_power

    def _in_data_units(self, objective):
        """Return a value of the objective, which is one of scaled rows, as one of the data."""
        return objective * self._loss_unit()

    def _encode(self, x):
        return self.net_.module_.encode(x)

    def _decode(self, codes):
        return self.net_.module_.decode(codes)

    def _there_and_back(self, x):
        return self._decode(self._encode(x))

    def _decoded_codes(self, codes):
        """Return validated codes as rows in the unit of the data."""
        rows = ScaledRows(codes, np.zeros(self.n_components_), 1.0)
        return self._decoded(self._decode, rows)

    def _decoded(self, function, rows):
        """Run a function that ends in the decoder; return rows in the unit of the data."""
        loss = self.net_.criterion_.loss
        shape = (len(rows), self.n_features_in_)
        decoded = torch.empty(shape, dtype=rows.dtype, device=rows.device)

        def to_data(x):
            return loss.to_data(function(x))

        # In double precision, as the scale of the data may leave the range of float32.
        mean = as_tensor(self.mean_).to(device=rows.device, dtype=torch.float64)
        with one_thread():
            for selection, _, output in self.net_.forward_chunks_(to_data, rows):
                output = output[: selection.stop - selection.start].to(mean)
                decoded[selection] = output * self.scale_ + mean
        return decoded
