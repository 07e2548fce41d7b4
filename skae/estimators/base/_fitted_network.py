"""Methods that apply a fitted autoencoder to rows and codes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn import config_context
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skae._compat import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from skae._threads import one_thread
from skae.engine import torch_defaults
from skae.objectives import NegativeBinomial
from skae.tables import (
    AnswersInParts,
    CallerType,
    MixedTable,
    ScaledRows,
    as_set_output,
    source_of,
    validate_codes,
    validate_new_rows,
    validate_target_rows,
    validate_weight,
)

from ._encoder_decoder import Decoder, Encoder
from ._fit_decisions import check_range
from ._sampling import Sampling

_Call = Callable[..., Tensor]


class FittedNetwork(AnswersInParts, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Sampling):
    """Encodes, decodes, scores and generates.

    Methods with ``_rows`` or ``_codes`` in their names take validated input and return tensors.
    """

    @property
    def encoder_(self) -> Encoder:
        """The :class:`Encoder` of this autoencoder; later fits do not change it."""
        return Encoder(self._snapshot())

    @property
    def decoder_(self) -> Decoder:
        """The :class:`Decoder` of this autoencoder; later fits do not change it."""
        return Decoder(self._snapshot())

    def _snapshot(self) -> "FittedNetwork":
        """Return a copy that shares the fitted net; later training works on a copy of the net."""
        check_is_fitted(self, "net_")
        snapshot = type(self).__new__(type(self))
        snapshot.__dict__ = self.__dict__.copy()
        return snapshot

    @property
    def dispersion_(self) -> np.ndarray | None:
        """Dispersions of the columns, for ``loss="negative_binomial"``; None for other losses.

        A count with mean m has the variance ``m + dispersion_ * m**2``.
        """
        check_is_fitted(self, "net_")
        loss = self._fitted_loss
        return (
            loss.dispersion.double().cpu().numpy() if isinstance(loss, NegativeBinomial) else None
        )

    @torch_defaults()
    def transform(self, X: Any, *, to: Any = None) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to encode, or a table that is read part by part (see :meth:`fit`). A collection of
            Dask is answered with one, an array that is mapped from a file with an array, and
            any other with an iterator over the answers of its parts.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which are then written part by part. The path
            is returned.

        Returns
        -------
        codes : {ndarray, tensor} of shape (n_samples, n_components)
            Codes, in the dtype of `X` if that is float32 or float64, else float64. They have zero
            mean and unit variance over the training rows, unless the estimator gives them another
            scale.
        """
        X, caller = validate_new_rows(self, X, "transform")
        return caller.to_caller(self._encode_rows(X))

    @torch_defaults()
    def inverse_transform(self, X: Any) -> Any:
        """Decode codes back to rows.

        Parameters
        ----------
        X : {array-like, tensor} of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            Decoded rows in the unit of the training data, in the dtype of the codes; for
            ``loss="negative_binomial"`` and "multinomial" expected counts at the mean depth of the
            training rows. A DataFrame if `fit` saw one with columns of several types or with gaps,
            or if `set_output` asks for one.

        Raises
        ------
        ValueError
            If `X` has not `n_components_` columns.
        """
        codes, caller = validate_codes(self, X, "inverse_transform")
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but {type(self).__name__} decodes codes of "
                f"n_components_={self.n_components_}, as transform gives them."
            )
        caller = self._of_answers(replace(caller, row_shape=self._row_shape, frame=self._frame))
        return as_set_output(self, caller.rows_to_caller(self._decode_codes(codes)), X)

    @torch_defaults()
    def reconstruct(self, X: Any, *, to: Any = None) -> Any:
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to reconstruct, or a table that is read part by part (see :meth:`fit`). A
            collection of Dask is answered with one, an array that is mapped from a file with an
            array, and any other with an iterator over the answers of its parts.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which are then written part by part. The path
            is returned.

        Returns
        -------
        X_reconstructed : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``; for ``loss="negative_binomial"`` and "multinomial"
            with the totals of the rows. A DataFrame if `fit` saw one with columns of several types
            or with gaps, or if `set_output` asks for one.
        """
        rows, caller = validate_new_rows(self, X, "reconstruct")
        answers = self._of_answers(caller).rows_to_caller(self._reconstruct_rows(rows))
        return as_set_output(self, answers, X)

    @torch_defaults()
    def score_samples(self, X: Any, *, to: Any = None) -> Any:
        """Score rows by how well they are reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to score, or a table that is read part by part (see :meth:`fit`). A collection of
            Dask is answered with one, an array that is mapped from a file with an array, and
            any other with an iterator over the answers of its parts.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which are then written part by part. The path
            is returned.

        Returns
        -------
        scores : {ndarray, tensor} of shape (n_samples,) and dtype float64
            Minus the reconstruction loss of each row, averaged over its features, in the
            unit of the data: minus the mean squared error for ``loss="squared_error"``, the
            log-likelihood over the number of features for "negative_binomial" and "multinomial".
            Higher is more ordinary.
        """
        X, caller = validate_new_rows(self, X, "score_samples")
        return caller.to_caller(self._score_rows(X))

    @torch_defaults()
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Average the scores of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.
        y : array-like of shape (n_samples, n_features), default=None
            What the rows should become, after a fit of such pairs. Ignored otherwise.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the average.

        Returns
        -------
        score : float
            Weighted mean of :meth:`score_samples`; higher is better. Reconstructions are compared
            with `y` in place of `X` if `fit` learned from pairs.
        """
        if source_of(X) is not None:
            if self._target is not None and y is not None:
                raise ValueError("y is what rows in memory become. Score parts of X with theirs.")
            return self._mean_score(self.score_samples(X), sample_weight)
        X, caller = validate_new_rows(self, X, "score")
        target = None
        if self._target is not None and y is not None:
            target = validate_target_rows(self, y, X, caller, self.network_).Y
        return self._mean_score(self._score_rows(X, target).cpu().numpy(), sample_weight)

    def _mean_score(self, scores: Any, sample_weight: Any) -> float:
        """Return the mean of scores, which may be an iterator over parts of them."""
        parts = [*scores] if isinstance(scores, Iterator) else [np.asarray(scores)]
        scores = np.concatenate(parts)
        if sample_weight is not None:
            sample_weight = validate_weight(sample_weight, scores)
        return float(np.average(scores, weights=sample_weight))

    @torch_defaults()
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Generate rows like those of the training data.

        The estimator decodes codes that it draws from its prior or, without a prior, from a
        Gaussian mixture of ten components over codes of the training rows (Ghosh et al., 2020).
        The first call fits the mixture on the codes that the estimator keeps: at most 5000, and
        half a million values.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Determines the rows. An int gives the same ones on every call.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows in the unit of the training data, in float64; images or windows if the first
            `fit` saw arrays of them. A DataFrame if `fit` saw one with columns of several types or
            with gaps, or if `set_output` asks for one.

        Raises
        ------
        TypeError, ValueError
            If `n_samples` is not an integer of at least 1.
        """
        check_is_fitted(self, "net_")
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        # The mixture starts at the end of k-means, which takes NumPy's arrays only.
        rng = check_random_state(random_state)
        with config_context(array_api_dispatch=False):
            codes = self._draw_codes(int(n_samples), rng)
        caller = self._of_answers(CallerType(row_shape=self._row_shape, frame=self._frame))
        return as_set_output(self, caller.rows_to_caller(self._decode_draws(codes, rng)))

    @property
    def _fills_gaps(self) -> bool:
        """Whether a gap, after a fit without, is the mean of its column: the loss must centre."""
        return self._fitted_loss.centered

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    # -- rows and codes that are validated already ------------------------------------

    def _encode_rows(self, X: Any) -> Tensor:
        rows = self._rows_to_encode(X)
        codes = torch.empty(len(rows), self.n_components_, dtype=rows.dtype, device=rows.device)
        return self._fill(codes, rows, self._encode)

    def _decode_codes(self, codes: Any) -> Tensor:
        to_data = self.net_.criterion_.to_data
        return self._decoded(lambda z: to_data(self._decode(z)), ScaledRows(codes))

    def _decode_draws(self, codes: np.ndarray, rng: np.random.RandomState) -> Tensor:
        """Return rows of codes that `sample` has drawn; a likelihood may be drawn from, too."""
        return self._decode_codes(codes)

    def _reconstruct_rows(self, X: Any) -> Tensor:
        to_data = self.net_.criterion_.to_data
        rows = self._rows_to_encode(X)
        return self._decoded(lambda x: to_data(self._there_and_back(x), x), rows)

    def _score_rows(self, X: Any, target: Any = None) -> Tensor:
        """Return scores of rows; after a fit of pairs, of how well `target` is answered, or `X`."""
        return self._scores_of(X, self.net_.criterion_.row_losses, (), target)

    def _scores_of(
        self, X: Any, losses: _Call, shape: tuple[int, ...], target: Any = None
    ) -> Tensor:
        """Return minus ``losses(output, target)`` of rows, of a shape for each row."""
        wanted = self._rows_in_range(X if target is None else target)
        scores = torch.empty(len(wanted), *shape, dtype=torch.float64, device=wanted.device)
        rows = wanted if self._target is None else self._rows_to_encode(X)
        with one_thread():
            for selection, x, output in self.net_.forward_chunks_(self._there_and_back, rows):
                n = selection.stop - selection.start
                expected = x[:n] if rows is wanted else wanted[selection]
                # Where the rows are: one number of each then comes back.
                exact = expected.to(torch.float64)
                scores[selection] = losses(output[:n].to(exact), exact)
        return scores.mul_(-self._loss_unit())

    def _of_answers(self, caller: CallerType) -> CallerType:
        """Return the caller's type of what the decoder answers, whose columns may be others."""
        if caller.frame is None or not isinstance(self._target, MixedTable):
            return caller
        return replace(caller, frame=caller.frame.of_floats(self._target.schema))

    def _rows_to_encode(self, X: Any) -> ScaledRows:
        """Return rows for the encoder; counts, of which it takes logarithms, must be in range."""
        return self._table.rows(X) if self._counts is None else self._rows_in_range(X)

    def _rows_in_range(self, X: Any) -> ScaledRows:
        """Return rows that must be in the range of the loss."""
        loss = self._fitted_loss
        check_range(X, loss, self._unit_of_answers)
        return self._answers.rows(X, loss.limits)

    def _encode(self, x: Tensor) -> Tensor:
        return self.net_.module_.encode(x)

    def _decode(self, codes: Tensor) -> Tensor:
        return self.net_.module_.decode(codes)

    def _there_and_back(self, x: Tensor) -> Tensor:
        return self._decode(self._encode(x))

    def _decoded(self, function: _Call, rows: ScaledRows) -> Tensor:
        """Run a function that gives rows in the training unit; return them in the data's."""
        table = self._answers
        # Dates and large whole numbers leave the precision of float32.
        of_frames = self._frame is not None and self._frame.types is not None
        dtype = torch.float64 if of_frames else rows.dtype
        decoded = torch.empty(len(rows), table.n_columns, dtype=dtype, device=rows.device)

        def in_data_units(_: Tensor, output: Tensor) -> Tensor:
            return table.to_data(output.to(rows.device))

        return self._fill(decoded, rows, function, in_data_units)

    def _fill(
        self, out: Tensor, rows: ScaledRows, function: _Call, answer: _Call = lambda _, y: y
    ) -> Tensor:
        """Write ``answer(x, function(x))`` of all rows into a tensor; `function` runs the net."""
        with one_thread():
            for selection, x, result in self.net_.forward_chunks_(function, rows):
                out[selection] = answer(x, result)[: selection.stop - selection.start]
        return out
