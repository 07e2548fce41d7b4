"""The decisions of a fitted outlier detector: scores, labels, p-values, the threshold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.base import OutlierMixin
from sklearn.utils import check_scalar, gen_batches
from sklearn.utils.validation import check_is_fitted

from skae._progress import bar_of_the_rest
from skae._threads import n_threads
from skae.engine import torch_defaults
from skae.estimators.base import fitted

from ._calibration import Calibration, Level
from ._ensemble import completed, mean_over_members
from ._fitted_ensemble import FittedEnsemble
from ._members import MemberValues, Rows, forget_training, n_values_of
from ._ordinary_rows import OrdinaryRows
from ._outlier_scores import SCORES
from ._validation import validate_table

# Rows that are scored between two moves of the progress bar.
_ROWS = 4096

# In `partial_fit`, largest p-value of a row that is unusual, and kept rows that tell it.
_UNUSUAL, _FEW_ROWS = 0.01, 200


class FittedDetector(OutlierMixin, FittedEnsemble):
    """Base class of the outlier detector: scores and decides."""

    offset_: float = fitted()
    n_calibration_: int = fitted()
    _calibration: Calibration = fitted()
    # The contamination that the threshold stands for.
    _level: Level = fitted()

    # -- decisions --------------------------------------------------------------------

    @torch_defaults()
    def score_samples(self, X: Any, *, to: Any = None) -> Any:
        """Score rows by how ordinary they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to score, or a table that is read part by part; see
            ``AutoencoderTransformer.transform``.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned.

        Returns
        -------
        scores : ndarray of shape (n_samples,) and dtype float64
            Minus the mean outlier score of the members. Higher is more ordinary; the unit depends
            on `scoring`.
        """
        return -mean_over_members(self._member_scores(self._scaled(X)))

    def decision_function(self, X: Any, *, to: Any = None) -> Any:
        """Return the distance of scores from the threshold, below zero for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to judge, or a table that is read part by part; see
            ``AutoencoderTransformer.transform``.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned.

        Returns
        -------
        decision : ndarray of shape (n_samples,) and dtype float64
            ``score_samples(X) - offset_``: below zero for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any, *, to: Any = None) -> Any:
        """Tell outliers from ordinary rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to judge, or a table that is read part by part; see
            ``AutoencoderTransformer.transform``.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned.

        Returns
        -------
        labels : ndarray of int of shape (n_samples,)
            -1 for outliers, 1 for ordinary rows.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    @torch_defaults()
    def p_values(self, X: Any, *, to: Any = None) -> Any:
        """Return the probability that an ordinary row is at least as unusual.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to judge, or a table that is read part by part; see
            ``AutoencoderTransformer.transform``.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned.

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
        Held-out rows that are of a cluster of outliers, or much further from the centre than the
        others, are left out (`contamination_` is their share): outliers among the training rows
        would raise the p-values of new ones. Less blatant ones count like ordinary rows.

        References
        ----------
        V. Vovk, A. Gammerman and G. Shafer, 2005. Algorithmic learning in a random world.
        Springer.

        V. Vovk, 2015. Cross-conformal predictors. Annals of Mathematics and Artificial
        Intelligence 74.
        """
        scores = self._member_scores(self._scaled(X))
        return self._calibration.p_values(scores)

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
        p_values = self.p_values(X)
        if isinstance(p_values, Iterator):
            p_values = np.concatenate([*p_values])
        return false_discovery_control(np.asarray(p_values)) <= fdr

    # -- the threshold ----------------------------------------------------------------

    def set_contamination(self, contamination: Level) -> Self:
        """Move the threshold, without training again.

        Parameters
        ----------
        contamination : "auto" or float
            Share of new rows like the training rows to take for outliers, in (0, 0.5]. This share
            of the held-out rows scores below the threshold. "auto" is one in twenty, the
            threshold of a fit with ``contamination="auto"``.

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
        check_is_fitted(self)
        if isinstance(contamination, str) and contamination != "auto":
            raise ValueError(
                f"contamination must be 'auto' or a number in (0, 0.5], got {contamination!r}."
            )
        if contamination != "auto":
            check_scalar(
                contamination,
                "contamination",
                Real,
                min_val=0,
                max_val=0.5,
                include_boundaries="right",
            )
            self._calibration.check_level(contamination, "contamination")
            contamination = float(contamination)
        self._level = contamination
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
        X, weight, _ = validate_table(self, X, sample_weight)
        scores = self._member_scores(self._scaling(X))
        calibration = Calibration()
        calibration.add(np.arange(len(self.estimators_)), scores, weight)
        calibration.check_level(self._level, "contamination")
        self._calibrate_by(calibration)
        return self

    def _member_scores(self, Z: Rows) -> np.ndarray:
        """Return the outlier scores by each member, of shape (n_samples, n_members)."""
        n_samples, ensemble = Z.shape[0], self._ensemble
        on_cpu = ensemble.device.type == "cpu"
        n_rows = _ROWS if on_cpu else ensemble.rows_at_once(Z.shape[1])
        batches = list(gen_batches(n_samples, n_rows))
        if len(batches) == 1:
            return ensemble.outlier_scores(Z)
        scores, threads = [], ThreadPoolExecutor(n_threads())
        try:
            with bar_of_the_rest(self._shows_progress, "score", "row") as tell_left:
                tell_left(n_samples)
                # The threads of a GPU are its own.
                apply = threads.map if on_cpu else map
                found = apply(lambda rows: ensemble.outlier_scores(Z[rows]), batches)
                for rows, of_rows in zip(batches, found, strict=True):
                    scores.append(of_rows)
                    tell_left(n_samples - rows.stop)
        finally:
            # After an interrupt the batches that still wait are not scored.
            threads.shutdown(cancel_futures=True)
        return np.concatenate(scores)

    def _unusual_and_admitted(
        self, Z: Rows, share: float, rng: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return masks of new rows: unlike nearly all that are kept, and to be learned."""
        unusual = np.zeros(Z.shape[0], dtype=bool)
        if len(self._reference.fold) < _FEW_ROWS:
            return unusual, ~unusual
        scores = self._member_scores(Z)
        unusual = self._calibration.p_values(scores) <= _UNUSUAL
        return unusual, self._reference.admits(unusual, mean_over_members(scores), share, rng)

    @property
    def _shows_progress(self) -> bool:
        """Whether to show progress bars, which is a parameter of the detector."""
        raise NotImplementedError

    def _learn_scores(
        self,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        rows: list[np.ndarray],
        ordinary: OrdinaryRows,
        rng: np.random.RandomState,
    ) -> None:
        """Fit the score of each trained member on its rows, and calibrate by held-out rows."""
        forget_training(self.estimators_)
        members = [MemberValues(member) for member in self.estimators_]
        complete = partial(completed, columns=self._reference.columns, members=members)
        self._scores = [
            SCORES[self.scoring]().fit(member, Z[mine], weight[mine], rng, complete)
            for member, mine in zip(self.estimators_, rows, strict=True)
        ]
        self._ensemble.learn_isolation()

        def outlier_scores(rows: np.ndarray, members: np.ndarray) -> np.ndarray:
            return self._ensemble.outlier_scores(Z[rows], members)

        counted = ordinary.are_no_blatant_outliers()
        self.contamination_ = float(1 - weight[counted].sum() / weight.sum())
        self._calibrate_by(self._folds.calibration(fold, weight, counted, outlier_scores))

    def _calibrate_by(self, calibration: Calibration) -> None:
        """Judge by these held-out rows, at the level that was asked for."""
        self._calibration = calibration
        self.n_calibration_ = len(calibration)
        self.offset_ = -calibration.threshold(self._level)

    def _check_consistency(self) -> None:
        n_features, n_members = self.n_features_in_, len(self.estimators_)
        columns, frame = self._reference.columns, self._frame
        n_levels = None if columns is None else columns.n_levels
        if n_levels != (None if frame is None else frame.schema.n_levels):
            raise ValueError("the columns of the table are not those of the rows that are kept")
        if not 0 < n_members == len(self._scores) == len(self._folds.left_out):
            raise ValueError("members, their scores and left-out folds differ in number")
        for member, score in zip(self.estimators_, self._scores, strict=True):
            fits = member.n_features_in_ == len(self._scaling.scale) == n_features
            mixed = None if member._mixed is None else member._mixed.n_levels
            fits = fits and mixed == n_levels
            if not fits or not score.fits(n_features, n_values_of(member)):
                raise ValueError("a member, its score or the scaling is of another table")
        if not self._reference.fits(n_features, self._folds.n_folds):
            raise ValueError("the rows that are kept are of another table, or of other folds")
        if self._calibration.n_members > n_members:
            raise ValueError("held-out rows are judged by a member that does not exist")
        if len(self._calibration) != self.n_calibration_:
            raise ValueError(f"there are not n_calibration_={self.n_calibration_} held-out rows")
