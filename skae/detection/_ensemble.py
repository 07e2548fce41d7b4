"""What the members of a fitted ensemble make of rows."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skae._typing import ArrayOf
from skae.engine import torch_defaults
from skae.estimators.base import BaseAutoencoder, estimator, fitted
from skae.tables import (
    ColumnScaling,
    as_set_output,
    column_names,
    dense,
    drop_weightless_rows,
    validate_code_table,
    validate_table,
)

from ._calibration import Calibration
from ._explanation import expected_cells, shares_of_cells
from ._left_out_folds import Folds
from ._row_distances import LEAST_SCALE, RowScore, codes_of, rows_of, there_and_back

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4

# How arrays of images or windows become tables.
_FLAT = (
    "Give X.reshape(len(X), -1); an autoencoder for images or windows has their shape as a "
    "parameter: autoencoder=ConvolutionalAutoencoder(image_shape=...)."
)

# Cells, at most, of training rows whose residuals say how large one may be, and such rows.
_CELLS_OF_RESIDUALS, _ROWS_OF_RESIDUALS = 2**14, 200


@estimator
class FittedMembersMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Encode, decode, judge and explain with ``estimators_`` and ``scale_``."""

    n_features_in_: int = fitted()
    estimators_: list[BaseAutoencoder] = fitted()
    scale_: Annotated[np.ndarray, ArrayOf("float", "n_features_in_")] = fitted()
    offset_: float = fitted()
    n_calibration_: int = fitted()
    max_samples_: int = fitted()
    n_samples_seen_: int = fitted()
    _seed: int = fitted()
    _folds: Folds = fitted()
    _scaling: ColumnScaling = fitted()
    _scores: list[RowScore] = fitted()
    _calibration: Calibration = fitted()
    _level: float | Literal["auto"] = fitted()
    # Training rows in the units of their columns, their weights and their folds.
    _kept: tuple[
        Annotated[np.ndarray | sparse.csr_array, ArrayOf("float", "n_rows", "n_features_in_")],
        Annotated[np.ndarray, ArrayOf("float", "n_rows")],
        Annotated[np.ndarray, ArrayOf("int", "n_rows")],
    ] = fitted()

    @torch_defaults()
    def explain(self, X):
        """Say why rows are unusual, cell by cell.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows, a few at a time: three numbers for each cell are returned.

        Returns
        -------
        explanation : DataFrame of shape (n_samples, 3 * n_features)
            With the index of `X` if it is a DataFrame, and columns of two levels, the second of
            which are the columns of `X`:

            - ``"expected"``: what the members expect in the cell, from the rest of the row, in
              the unit of the data;
            - ``"residual"``: how far the cell is above it, in standard deviations of the same
              for training rows;
            - ``"share"``: what the cell adds to the score of the row. The shares of a row sum up
              to its :meth:`score_samples`, and the lowest point at what is unusual.

        Notes
        -----
        What is expected is predicted with the cell hidden, first behind the mean of its column, as
        in the training of the default autoencoder, then behind what was predicted. The score is
        shared out by how much higher it were if the cell held what is expected there; what is
        left of it when all cells do is shared alike. That takes several passes through the
        networks for each column.

        To the score, and to what is expected elsewhere in the row, a cell more than eight standard
        deviations from its mean is as one that is eight.
        """
        check_is_fitted(self)
        index = getattr(X, "index", None) if hasattr(X, "columns") else None
        names = getattr(X, "columns", column_names(self, self.n_features_in_))
        X, _ = self._validated(X)
        n_usual = min(_ROWS_OF_RESIDUALS, max(20, _CELLS_OF_RESIDUALS // self.n_features_in_))
        Z, usual = dense(self._scaling(X)), dense(self._kept[0][:n_usual])
        center = self._scaling.center
        expected, of_usual = (expected_cells(z, center, self._reconstructed) for z in (Z, usual))
        spread = np.maximum((usual - of_usual).std(axis=0), LEAST_SCALE)
        expected_there = expected * self.scale_
        tables = {
            "expected": expected_there,
            "residual": (dense(X) - expected_there) / (spread * self.scale_),
            "share": -shares_of_cells(Z, expected, self._mean_unusual),
        }
        tables = {
            name: pd.DataFrame(cells, index=index, columns=names) for name, cells in tables.items()
        }
        return pd.concat(tables, axis=1)

    @torch_defaults()
    def transform(self, X):
        """Return the codes of all members, side by side.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_estimators * n_components)
            Codes, in the dtype of `X` if that is float32 or float64, else float64.
        """
        check_is_fitted(self)
        X, _ = self._validated(X)
        Z = self._scaling(X)
        return np.hstack([codes_of(member, Z) for member in self.estimators_])

    @torch_defaults()
    def inverse_transform(self, X):
        """Return what the members make of their codes, on average.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_estimators * n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows in the unit of the data, in the dtype of the codes. A DataFrame if `set_output`
            asks for one.

        Raises
        ------
        ValueError
            If `X` has another number of columns.
        """
        check_is_fitted(self)
        codes = validate_code_table(X)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but the members of {type(self).__name__} "
                f"together have codes of {self._n_features_out}, as transform gives them."
            )
        parts = np.split(codes, len(self.estimators_), axis=1)
        decoded = [
            rows_of(member, part) for member, part in zip(self.estimators_, parts, strict=True)
        ]
        rows = np.mean(decoded, axis=0) * self.scale_.astype(codes.dtype)
        return as_set_output(self, rows, X)

    def _unusual(self, X):
        """Return how unusual each row is to each member."""
        check_is_fitted(self)
        X, _ = self._validated(X)
        return self._unusual_to_members(self._scaling(X))

    def _mean_unusual(self, Z):
        return self._unusual_to_members(Z).mean(axis=1)

    def _reconstructed(self, Z):
        return np.mean([there_and_back(member, Z)[0] for member in self.estimators_], axis=0)

    def _unusual_to_members(self, Z, members=None):
        """Return how unusual rows are to some members, by default all; other columns are empty."""
        unusual = np.empty((Z.shape[0], len(self.estimators_)))
        for i in range(len(self.estimators_)) if members is None else members:
            unusual[:, i] = self._scores[i].unusual(self.estimators_[i], Z)
        return unusual

    @property
    def _n_features_out(self):
        return sum(member.n_components_ for member in self.estimators_)

    def _validated(self, X, sample_weight=None, *, reset=False):
        """Return the rows that count and their weights, of mean one."""
        n_needed = _FEWEST_ROWS if reset else 1
        X = validate_table(self, X, reset=reset, ensure_min_samples=n_needed, cure=_FLAT)
        X, weight = drop_weightless_rows(X, sample_weight, n_needed)
        return X, np.ones(X.shape[0]) if weight is None else weight

    def _check_consistency(self) -> None:
        n_members, n_features = len(self._folds.left_out), self.n_features_in_
        if not 0 < len(self.estimators_) == len(self._scores) == n_members:
            raise ValueError("there are other numbers of members, of their scores and folds")
        for member, score in zip(self.estimators_, self._scores, strict=True):
            fits = member.n_features_in_ == len(self._scaling.scale) == n_features
            if not fits or not score.is_for(n_features, member.n_components_):
                raise ValueError("a member, its score or the scaling is of other columns")
        judges = np.concatenate([members for members, _, _ in self._calibration._groups])
        if not np.isin(judges, np.arange(n_members)).all():
            raise ValueError("held-out rows are judged by a member that there is not")
        if len(self._calibration) != self.n_calibration_:
            raise ValueError(f"there are not n_calibration_={self.n_calibration_} held-out rows")
