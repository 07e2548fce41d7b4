"""What the members of a fitted ensemble make of rows."""

import numpy as np
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import check_sample_weight

from ._containers import FLOATS, detached
from ._row_scores import codes_of

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4


class FittedMembersMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Encode, decode, judge and explain with ``estimators_`` and ``scale_``."""

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

            - ``"expected"``: what the autoencoders make of the cell, in the unit of the data;
            - ``"residual"``: how far the cell is above it, in standard deviations of the
              residuals of the training rows;
            - ``"share"``: what the cell adds to the score of the row. The shares of a row sum up
              to its :meth:`score_samples`, and the lowest point at what is unusual.

        Notes
        -----
        A Mahalanobis distance is shared out in the coordinates that whiten residual and code and
        are the nearest to them (the symmetric root of the precision). What the code adds goes to
        the cells by the square of the distance between what is expected in them and their mean,
        both in standard deviations.

        A cell that is more than eight standard deviations from its mean is looked at as if it
        were eight, in residual and share.
        """
        check_is_fitted(self)
        index = getattr(X, "index", None) if hasattr(X, "columns") else None
        X, _ = self._validated(X)
        explained = zip(*(score.explain(self._scaling(X)) for score in self._scores), strict=True)
        expected, residual, parts = (np.mean(each, axis=0) for each in explained)
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        tables = {"expected": expected * self.scale_, "residual": residual, "share": -parts}
        tables = {
            name: pd.DataFrame(cells, index=index, columns=names) for name, cells in tables.items()
        }
        return pd.concat(tables, axis=1)

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

    def inverse_transform(self, X):
        """Return what the members make of their codes, on average.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_estimators * n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Rows in the unit of the data, in the dtype of the codes.

        Raises
        ------
        ValueError
            If `X` has another number of columns.
        """
        check_is_fitted(self)
        codes = check_array(detached(X), dtype=FLOATS, input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but the members of {type(self).__name__} "
                f"together have codes of {self._n_features_out}, as transform gives them."
            )
        parts = np.split(codes, len(self.estimators_), axis=1)
        decoded = [
            m.inverse_transform(part) for m, part in zip(self.estimators_, parts, strict=True)
        ]
        return np.mean(decoded, axis=0) * self.scale_.astype(codes.dtype)

    def _unusual(self, X):
        """Return how unusual each row is to each member."""
        check_is_fitted(self)
        X, _ = self._validated(X)
        return self._unusual_to(range(len(self.estimators_)), self._scaling(X))

    def _unusual_to(self, members, Z):
        unusual = np.empty((Z.shape[0], len(self.estimators_)))
        for i in members:
            unusual[:, i] = self._scores[i].unusual(Z)
        return unusual

    @property
    def _n_features_out(self):
        return sum(member.n_components_ for member in self.estimators_)

    def _validated(self, X, sample_weight=None, *, reset=False):
        """Return the rows that count and their weights, of mean one."""
        X = validate_data(
            self,
            detached(X),
            reset=reset,
            accept_sparse="csr",
            dtype=FLOATS,
            ensure_min_samples=_FEWEST_ROWS if reset else 1,
        )
        X, weight = self._counted(X, sample_weight)
        if reset and X.shape[0] < _FEWEST_ROWS:
            raise ValueError(
                f"sample_weight leaves only {X.shape[0]} rows with a weight above zero, while a "
                f"minimum of {_FEWEST_ROWS} is required."
            )
        return X, weight

    def _counted(self, rows, sample_weight):
        """Return the rows of a weight above zero, and these weights, of mean one."""
        weight = check_sample_weight(
            detached(sample_weight), rows, dtype=np.float64, ensure_non_negative=True
        )
        # Dividing by the largest first keeps the sum of extreme weights in range.
        weight = weight / weight.max()
        counted = weight > 0
        if not counted.all():
            rows, weight = rows[counted], weight[counted]
        return rows, weight / weight.mean()
