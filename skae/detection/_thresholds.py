"""What a detector decides with its scores."""

from numbers import Real

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae.engine import torch_defaults

from ._calibration import Calibration

# Share of ordinary rows that "auto" takes for outliers.
_AUTO = 0.05


class ThresholdsMixin:
    """Tell outliers from ordinary rows by ``offset_`` or by what held-out rows score."""

    @torch_defaults()
    def score_samples(self, X):
        """Score rows by how ordinary they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,) and dtype float64
            Minus how unusual the members find each row, on average. Higher is more ordinary; the
            unit depends on `scoring`.
        """
        return -self._unusual(X).mean(axis=1)

    def decision_function(self, X):
        """Return how far rows are from the threshold.

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

    def predict(self, X):
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
    def p_values(self, X):
        """Return how often an ordinary row would be at least as unusual.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            Conformal p-values in (0, 1]: the share of the held-out rows that are at least as
            unusual, the row itself counted. For rows like the training rows they are very
            nearly uniform (exactly so after :meth:`recalibrate`), so that
            ``p_values(X) <= 0.05`` takes one in twenty of them for an outlier, whatever the
            scores look like. They are never below ``1 / (n_calibration_ + 1)``.

        Notes
        -----
        If there are outliers among the training rows, they are among the held-out rows, too, and
        p-values of ordinary rows are larger than need be: fewer of them are taken for outliers.

        References
        ----------
        V. Vovk, A. Gammerman and G. Shafer, 2005. Algorithmic learning in a random world.
        Springer.

        V. Vovk, 2015. Cross-conformal predictors. Annals of Mathematics and Artificial
        Intelligence 74.
        """
        unusual = self._unusual(X)
        return self._calibration.p_values(unusual)

    def select(self, X, fdr=0.1):
        """Select outliers, only few of them falsely.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to judge, together: what is selected depends on all of them.
        fdr : float, default=0.1
            False discovery rate: the share of ordinary rows among those that are selected, on
            average. In (0, 1).

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
        p_values : What rows are selected by.
        scipy.stats.false_discovery_control : Adjusts p-values.

        Notes
        -----
        This is the procedure of Benjamini and Hochberg (1995) on conformal p-values. It holds the
        rate if the held-out rows are ordinary and independent; that is proved for rows that no
        member was trained on (Bates et al., 2023), as after :meth:`recalibrate`, and was measured
        for the cross-fitted ones of :meth:`fit`. With n held-out rows no p-value is below
        1 / (n + 1): of m rows at least m / (fdr * (n + 1)) must be as unusual as that for any to
        be selected.

        References
        ----------
        Y. Benjamini and Y. Hochberg, 1995. Controlling the false discovery rate. Journal of the
        Royal Statistical Society B 57.

        S. Bates, E. Candes, L. Lei, Y. Romano and M. Sesia, 2023. Testing for outliers with
        conformal p-values. Annals of Statistics 51.
        """
        check_scalar(fdr, "fdr", Real, min_val=0, max_val=1, include_boundaries="neither")
        check_is_fitted(self)
        _check_enough("fdr", fdr, self.n_calibration_)
        return false_discovery_control(self.p_values(X)) <= fdr

    def set_contamination(self, contamination):
        """Move the threshold, without training again.

        Parameters
        ----------
        contamination : float
            Share of new rows like the training rows that are to be taken for outliers, in
            (0, 0.5]. This share of the held-out rows scores below the threshold.

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
        ``AutoencoderOutlierDetector(contamination=0.1)`` counts on the training rows, as all of
        scikit-learn's detectors do: exactly one in ten of them is below its threshold. What was
        trained on looks more ordinary than what was not, so of new rows it is a few more, and
        the two thresholds differ a little. The parameter stays as it is.
        """
        check_scalar(
            contamination, "contamination", Real, min_val=0, max_val=0.5, include_boundaries="right"
        )
        check_is_fitted(self)
        _check_enough("contamination", contamination, self.n_calibration_)
        self._level = float(contamination)
        self._set_offset()
        return self

    @torch_defaults()
    def recalibrate(self, X, sample_weight=None):
        """Judge by other held-out rows from now on, without training again.

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
            For invalid rows, or too few of them for the `contamination` that was asked for (19
            for "auto"); the detector then stays as it was.

        See Also
        --------
        partial_fit : Trains on new rows, too.
        """
        check_is_fitted(self)
        X, weight = self._validated(X, sample_weight)
        unusual = self._unusual_to_members(self._scaling(X))
        calibration = Calibration()
        calibration.add(np.arange(unusual.shape[1]), unusual, weight)
        level = _AUTO if self._level == "auto" else self._level
        _check_enough("contamination", level, len(calibration))
        self._calibrate_by(calibration)
        return self

    def _calibrate_by(self, calibration):
        self._calibration = calibration
        self.n_calibration_ = len(calibration)
        self._set_offset()

    def _set_offset(self):
        level = _AUTO if self._level == "auto" else self._level
        self.offset_ = -self._calibration.threshold(level)


def _check_enough(name, level, n_held_out):
    """Refuse a level that so many held-out rows cannot tell from none."""
    if np.isnan(level):
        raise ValueError(f"{name} must be a number, got {level}.")
    if level * (n_held_out + 1) < 1:
        raise ValueError(
            f"{name}={level} needs at least {np.ceil(1 / level) - 1:.0f} held-out rows, but "
            f"there are n_calibration_={n_held_out}. Take a larger {name}, or call recalibrate "
            f"with more ordinary rows that were not trained on."
        )
