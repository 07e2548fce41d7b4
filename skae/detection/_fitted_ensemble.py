"""Explanations, codes and decoded rows by the members of a fitted detector."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skae._typing import ArrayOf
from skae.engine import torch_defaults
from skae.estimators.base import BaseAutoencoder, DeclaredParameters, fitted
from skae.tables import (
    AnswersInParts,
    CallerFrame,
    ColumnScaling,
    as_pandas,
    as_set_output,
    check_in_memory,
    dense,
    index_of,
)

from ._ensemble import Ensemble
from ._explanation import explain_cells
from ._held_out_folds import Folds
from ._members import Rows
from ._outlier_scores import OutlierScore
from ._reference_rows import ReferenceRows
from ._validation import cells_of, validate_codes, validate_table

# Most cells, and most rows, of the training rows that residuals are compared with.
_CELLS_OF_RESIDUALS, _ROWS_OF_RESIDUALS = 2**14, 200


class FittedEnsemble(
    AnswersInParts,
    DeclaredParameters,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Base class of the outlier detector: explains, encodes and decodes."""

    n_features_in_: int = fitted()
    estimators_: list[BaseAutoencoder] = fitted()
    scale_: Annotated[np.ndarray, ArrayOf("float", "n_features_in_")] = fitted()
    _scaling: ColumnScaling = fitted()
    # The score of each member.
    _scores: list[OutlierScore] = fitted()
    _folds: Folds = fitted()
    _reference: ReferenceRows = fitted()
    # The columns of a table of several types or with gaps.
    _frame: CallerFrame | None = fitted(optional=True, default=None)

    @torch_defaults()
    def explain(self, X: Any) -> pd.DataFrame:
        """Explain the scores of rows, cell by cell.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, DataFrame} of shape (n_samples, n_features)
            Rows, a few at a time: three numbers for each cell are returned.

        Returns
        -------
        explanation : DataFrame of shape (n_samples, 3 * n_features)
            With the index of `X` if it is a DataFrame, and columns of two levels: "quantity", and
            "column" with the columns of `X`. Of images or windows, as arrays in `fit`, there are
            their axes instead: "row", "column" and "channel", or "step" and "channel". The
            quantity is one of

            - ``"expected"``: the members' prediction of the cell from the rest of the row, in the
              unit of the data;
            - ``"residual"``: the cell minus the prediction, in standard deviations of this
              difference for training rows;
            - ``"share"``: the part of the cell in the score of the row. The shares of a row sum up
              to its :meth:`score_samples`; the lowest ones mark the unusual cells.

            Where `fit` saw columns of several types or gaps, there is ``"found"``, too, the cell
            itself, and "expected" holds categories and dates as `X` does. The "residual" of a
            category is the logarithm of how much likelier the expected one is, zero if that was
            found. That of a gap is NaN; its "share" is what remains for all cells.

        Notes
        -----
        The members predict each cell while it is replaced: first by the mean of its column, as in
        the training of the default autoencoder, then by the last prediction. A cell's share grows
        with the rise of the score when the cell takes the predicted value. The score that remains
        when all cells take it is divided equally. This takes several passes through the networks
        for each of up to 67 columns, and as many for wider rows: there every 67th cell is replaced
        at the same time, and only the 67 cells of a row with the largest residuals have a share of
        their own; the others share alike.

        A cell more than eight standard deviations from its mean is clipped to eight, in the score
        and in the predictions of other cells.

        Of a Pipeline that ends in the detector ``pipe[-1]`` is the detector, and
        ``pipe[:-1].transform(X)`` are its rows: in their unit it explains. `set_output` lets the
        steps before it keep names of columns. :meth:`p_values` and :meth:`select` are reached in
        the same way; :meth:`transform` is the Pipeline's own.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import QuantileTransformer
        >>> from skae import AutoencoderOutlierDetector
        >>> X = load_iris(as_frame=True).data
        >>> detector = AutoencoderOutlierDetector(n_estimators=2, random_state=0)
        >>> pipe = make_pipeline(QuantileTransformer(n_quantiles=50), detector)
        >>> pipe = pipe.set_output(transform="pandas").fit(X)
        >>> X.loc[0, "petal width (cm)"] = 2.5
        >>> pipe[-1].explain(pipe[:-1].transform(X[:1]))["share"].idxmin(axis=1).tolist()
        ['petal width (cm)']

        One cell a row, as a tidy table, and the most unusual ones:

        >>> detector.fit(X)
        AutoencoderOutlierDetector(n_estimators=2, random_state=0)
        >>> cells = detector.explain(X[:1]).stack("column", future_stack=True)
        >>> cells["share"].nsmallest(1).index.tolist()
        [(0, 'petal width (cm)')]
        """
        check_is_fitted(self)
        check_in_memory(X, "explain")
        index, columns = index_of(X), cells_of(self, X)
        given, X = X, validate_table(self, X)[0]
        n_usual = min(_ROWS_OF_RESIDUALS, max(20, _CELLS_OF_RESIDUALS // self.n_features_in_))
        Z, usual = (
            dense(self._scaling(X)),
            dense(self._reference.rows[self._reference.some(n_usual)]),
        )
        center, ensemble = self._scaling.center, self._ensemble
        found = explain_cells(Z, usual, center, ensemble)
        expected = self._scaling.inverse(found.expected)
        residual = (dense(X) - expected) / (found.spread * self.scale_)
        cells = {"expected": expected, "residual": residual, "share": -found.shares}
        mixed = ensemble.columns
        if mixed is not None and self._frame is not None:
            residual[:, ~mixed.is_number] = found.residuals[:, ~mixed.is_number]
            cells = {"found": given} | cells | {"expected": self._frame.filled(expected)}
        tables = {key: as_pandas(cells[key], index, columns) for key in cells}
        return pd.concat(tables, axis=1, names=["quantity"])

    @torch_defaults()
    def transform(self, X: Any, *, to: Any = None) -> Any:
        """Return the codes of all members, side by side.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to encode, or a table that is read part by part; see
            ``AutoencoderTransformer.transform``.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_estimators * n_components)
            Codes, in the dtype of `X` if that is float32 or float64, else float64.
        """
        Z = self._scaled(X)
        return self._ensemble.encode(Z)

    @torch_defaults()
    def inverse_transform(self, X: Any) -> Any:
        """Return the mean of the rows that the members decode from codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_estimators * n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows in the unit of the data, in the dtype of the codes; images or windows if `fit`
            saw arrays of them, a table like that of `fit` if it had columns of several types or
            gaps. A DataFrame if `set_output` asks for one.

        Raises
        ------
        ValueError
            If `X` has another number of columns.
        """
        check_is_fitted(self)
        codes = validate_codes(self, X, self._n_features_out)
        rows = self._scaling.inverse(self._ensemble.decode(codes))
        if self._frame is not None:
            return as_set_output(self, self._frame.filled(rows), X)
        rows = rows.astype(codes.dtype)
        return as_set_output(self, rows.reshape(-1, *(self._row_shape or rows.shape[1:])), X)

    @property
    def _ensemble(self) -> Ensemble:
        return Ensemble(self.estimators_, self._scores, self._folds.left_out, self._reference)

    @property
    def _row_shape(self) -> tuple[int, ...] | None:
        return self.estimators_[0]._row_shape

    @property
    def _n_features_out(self) -> int:
        return sum(member.n_components_ for member in self.estimators_)

    def _scaled(self, X: Any) -> Rows:
        """Return rows, validated and in the units of their columns, of a fitted detector."""
        check_is_fitted(self)
        return self._scaling(validate_table(self, X)[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        takes_columns = _takes_columns(self.autoencoder)
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = takes_columns
        tags.input_tags.categorical = tags.input_tags.string = takes_columns
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _takes_columns(autoencoder: BaseAutoencoder | None) -> bool:
    """Return whether members take tables with columns of several types and with gaps."""
    if autoencoder is None:
        return True
    return isinstance(autoencoder, BaseAutoencoder) and autoencoder._why_only_numbers() is None
