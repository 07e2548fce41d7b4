"""The methods of a fitted outlier detector: scores, decisions, explanations, codes."""

from numbers import Real
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae._typing import ArrayOf
from skae.engine import torch_defaults
from skae.estimators.base import BaseAutoencoder, DeclaredParameters, fitted
from skae.tables import ColumnScaling, as_set_output, dense

from ._calibration import Calibration, Level
from ._ensemble import Ensemble
from ._explanation import explain_cells
from ._kept_rows import KeptRows
from ._members import Rows
from ._outlier_scores import OutlierScore
from ._validation import labels_of, validate_codes, validate_table

# Most cells, and most rows, of the training rows that residuals are compared with.
_CELLS_OF_RESIDUALS, _ROWS_OF_RESIDUALS = 2**14, 200


class FittedDetector(
    DeclaredParameters,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    OutlierMixin,
    BaseEstimator,
):
    """Base class of the outlier detector: scores, decides, explains, encodes and decodes."""

    n_features_in_: int = fitted()
    estimators_: list[BaseAutoencoder] = fitted()
    scale_: Annotated[np.ndarray, ArrayOf("float", "n_features_in_")] = fitted()
    offset_: float = fitted()
    n_calibration_: int = fitted()
    _scaling: ColumnScaling = fitted()
    # The score of each member.
    _scores: list[OutlierScore] = fitted()
    _calibration: Calibration = fitted()
    # The contamination that the threshold stands for.
    _level: Level = fitted()
    _kept: KeptRows = fitted()

    # -- decisions --------------------------------------------------------------------

    @torch_defaults()
    def score_samples(self, X: Any) -> np.ndarray:
        """Score rows by how ordinary they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,) and dtype float64
            Minus the mean outlier score of the members. Higher is more ordinary; the unit depends
            on `scoring`.
        """
        Z = self._scaled(X)
        return -self._ensemble.mean_outlier_scores(Z)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the distance of scores from the threshold, below zero for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        decision : ndarray of shape (n_samples,) and dtype float64
            ``score_samples(X) - offset_``: below zero for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Tell outliers from ordinary rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 for outliers, 1 for ordinary rows.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    @torch_defaults()
    def p_values(self, X: Any) -> np.ndarray:
        """Return the probability that an ordinary row is at least as unusual.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            Conformal p-values in (0, 1]: the share of the held-out rows that are at least as
            unusual, the row itself counted. For rows like the training rows they are very
            nearly uniform (exactly so after :meth:`recalibrate`): ``p_values(X) <= 0.05`` takes
            one in twenty of them for an outlier, whatever the distribution of the scores. They
            are never below ``1 / (n_calibration_ + 1)``.

        Notes
        -----
        Outliers among the training rows are held out like others. They raise the p-values of
        ordinary rows, so that fewer of these are taken for outliers.

        References
        ----------
        V. Vovk, A. Gammerman and G. Shafer, 2005. Algorithmic learning in a random world.
        Springer.

        V. Vovk, 2015. Cross-conformal predictors. Annals of Mathematics and Artificial
        Intelligence 74.
        """
        Z = self._scaled(X)
        return self._calibration.p_values(self._ensemble.outlier_scores(Z))

    def select(self, X: Any, fdr: float = 0.1) -> np.ndarray:
        """Select outliers at a false discovery rate.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge together: the selection depends on all of them.
        fdr : float, default=0.1
            False discovery rate: the mean share of ordinary rows among the selected ones, in
            (0, 1).

        Returns
        -------
        selected : ndarray of bool of shape (n_samples,)
            True for the rows that are selected as outliers, which may be none.

        Raises
        ------
        ValueError
            If `fdr` is out of range, or too low for the number of held-out rows.

        See Also
        --------
        p_values : The p-values that rows are selected by.
        scipy.stats.false_discovery_control : Adjusts p-values.

        Notes
        -----
        This is the procedure of Benjamini and Hochberg (1995) on conformal p-values. It holds the
        rate if the held-out rows are ordinary and independent. That is proved for rows that no
        member was trained on (Bates et al., 2023), as after :meth:`recalibrate`, and was measured
        for the cross-fitted ones of :meth:`fit`. With n held-out rows no p-value is below
        1 / (n + 1), so of m rows either none or at least m / (fdr * (n + 1)) are selected.

        References
        ----------
        Y. Benjamini and Y. Hochberg, 1995. Controlling the false discovery rate. Journal of the
        Royal Statistical Society B 57.

        S. Bates, E. Candes, L. Lei, Y. Romano and M. Sesia, 2023. Testing for outliers with
        conformal p-values. Annals of Statistics 51.
        """
        check_scalar(fdr, "fdr", Real, min_val=0, max_val=1, include_boundaries="neither")
        check_is_fitted(self)
        self._calibration.check_level(fdr, "fdr")
        return false_discovery_control(self.p_values(X)) <= fdr

    # -- the threshold ----------------------------------------------------------------

    def set_contamination(self, contamination: float) -> Self:
        """Move the threshold, without training again.

        Parameters
        ----------
        contamination : float
            Share of new rows like the training rows to take for outliers, in (0, 0.5]. This share
            of the held-out rows scores below the threshold.

        Returns
        -------
        self : object
            The detector, with another `offset_`.

        Raises
        ------
        ValueError
            If `contamination` is out of range, or too low for the number of held-out rows.

        Notes
        -----
        ``AutoencoderOutlierDetector(contamination=0.1)`` counts training rows, as all of
        scikit-learn's detectors do: exactly one in ten of them is below its threshold. Training
        rows look more ordinary than new ones, so a few more than one in ten new rows are below
        it, and the two thresholds differ a little. The parameter does not change.
        """
        check_scalar(
            contamination, "contamination", Real, min_val=0, max_val=0.5, include_boundaries="right"
        )
        check_is_fitted(self)
        self._calibration.check_level(contamination, "contamination")
        self._level = float(contamination)
        self._calibrate_by(self._calibration)
        return self

    @torch_defaults()
    def recalibrate(self, X: Any, sample_weight: Any = None) -> Self:
        """Replace the held-out rows, without training again.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Ordinary rows that the detector was not trained on, the latest ones for example.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The detector, with another `offset_` and other p-values.

        Raises
        ------
        ValueError
            For invalid rows, or too few of them for the `contamination` (19 for "auto"); the
            detector then stays as it was.

        See Also
        --------
        partial_fit : Trains on new rows, too.
        """
        check_is_fitted(self)
        X, weight = validate_table(self, X, sample_weight)
        scores = self._ensemble.outlier_scores(self._scaling(X))
        calibration = Calibration()
        calibration.add(np.arange(len(self.estimators_)), scores, weight)
        calibration.check_level(self._level, "contamination")
        self._calibrate_by(calibration)
        return self

    # -- explanations, codes and rows -------------------------------------------------

    @torch_defaults()
    def explain(self, X: Any) -> pd.DataFrame:
        """Explain the scores of rows, cell by cell.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows, a few at a time: three numbers for each cell are returned.

        Returns
        -------
        explanation : DataFrame of shape (n_samples, 3 * n_features)
            With the index of `X` if it is a DataFrame, and columns of two levels, the second of
            which are the columns of `X`:

            - ``"expected"``: the members' prediction of the cell from the rest of the row, in the
              unit of the data;
            - ``"residual"``: the cell minus the prediction, in standard deviations of this
              difference for training rows;
            - ``"share"``: the part of the cell in the score of the row. The shares of a row sum up
              to its :meth:`score_samples`; the lowest ones mark the unusual cells.

        Notes
        -----
        The members predict each cell while it is replaced: first by the mean of its column, as in
        the training of the default autoencoder, then by the last prediction. A cell's share grows
        with the rise of the score when the cell takes the predicted value. The score that remains
        when all cells take it is divided equally. This takes several passes through the networks
        for each column, up to 67.

        In wider rows every 67th cell is replaced at the same time. Only the 67 cells of a row with
        the largest residuals have a share of their own; the others share alike.

        A cell more than eight standard deviations from its mean is clipped to eight, in the score
        and in the predictions of other cells.
        """
        check_is_fitted(self)
        index, names = labels_of(self, X)
        X, _ = validate_table(self, X)
        n_usual = min(_ROWS_OF_RESIDUALS, max(20, _CELLS_OF_RESIDUALS // self.n_features_in_))
        Z, usual = dense(self._scaling(X)), dense(self._kept[0][:n_usual])
        expected, spread, shares = explain_cells(Z, usual, self._scaling.center, self._ensemble)
        expected = expected * self.scale_
        cells = {
            "expected": expected,
            "residual": (dense(X) - expected) / (spread * self.scale_),
            "share": -shares,
        }
        tables = {key: pd.DataFrame(cells[key], index=index, columns=names) for key in cells}
        return pd.concat(tables, axis=1)

    @torch_defaults()
    def transform(self, X: Any) -> np.ndarray:
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
            Rows in the unit of the data, in the dtype of the codes. A DataFrame if `set_output`
            asks for one.

        Raises
        ------
        ValueError
            If `X` has another number of columns.
        """
        check_is_fitted(self)
        codes = validate_codes(self, X, self._n_features_out)
        rows = self._ensemble.decode(codes) * self.scale_.astype(codes.dtype)
        return as_set_output(self, rows, X)

    # -- inside -----------------------------------------------------------------------

    @property
    def _ensemble(self) -> Ensemble:
        return Ensemble(self.estimators_, self._scores)

    @property
    def _n_features_out(self) -> int:
        return sum(member.n_components_ for member in self.estimators_)

    def _scaled(self, X: Any) -> Rows:
        """Return rows, validated and in the units of their columns, of a fitted detector."""
        check_is_fitted(self)
        return self._scaling(validate_table(self, X)[0])

    def _calibrate_by(self, calibration: Calibration) -> None:
        """Judge by these held-out rows, at the level that was asked for."""
        self._calibration = calibration
        self.n_calibration_ = len(calibration)
        self.offset_ = -calibration.threshold(self._level)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
