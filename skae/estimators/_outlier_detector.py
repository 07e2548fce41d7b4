"""The outlier detector."""

from contextlib import ExitStack, contextmanager
from math import ceil
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import Interval, RealNotInt, StrOptions, check_sample_weight, fit_context
from skae.objectives import LOSSES

from ._base import BaseAutoencoder
from ._containers import FLOATS, detached
from ._detection_default import denoiser_for_detection
from ._folds import Folds
from ._row_scores import SCORES, codes_of
from ._scaling import column_scales
from ._thresholds import ThresholdsMixin
from ._together import fit_together
from ._variational import VariationalAutoencoder

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4

# Rows that are kept for `partial_fit`: to look at codes and residuals anew once these have moved.
_KEPT_ROWS = 2000

# Rows that each member is trained on at most by default, so that large tables take no longer.
_ENOUGH_ROWS = 10_000


class AutoencoderOutlierDetector(
    ThresholdsMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, BaseEstimator
):
    """DOC"""

    _parameter_constraints: ClassVar = {
        "autoencoder": [BaseAutoencoder, None],
        "scoring": [StrOptions(set(SCORES))],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
        ],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "device": [str, torch.device],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        autoencoder=None,
        *,
        scoring="mixture",
        n_estimators=10,
        max_samples="auto",
        cv=5,
        contamination="auto",
        device="cpu",
        random_state=None,
    ):
        self.autoencoder = autoencoder
        self.scoring = scoring
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.cv = cv
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Train the ensemble, and learn what ordinary rows score.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows, at least four. Outliers among them do little harm.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted detector. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters or data, or an autoencoder that cannot give the score.
        """
        with self._as_before_on_error():
            X, weight = self._validated(X, sample_weight, reset=True)
            rng = check_random_state(self.random_state)
            self._start(X, weight, rng)
            Z = self._scaled(X)
            fold = self._folds.deal(X.shape[0], rng)
            self.n_samples_seen_ = X.shape[0]
            rows = self._folds.draw(fold, self.max_samples_, rng)
            given = None if sample_weight is None else weight
            fit_together(self.estimators_, Z, rows, given)
            self._scores = [
                SCORES[self.scoring](member).fit(Z[mine], weight[mine], rng)
                for member, mine in zip(self.estimators_, rows, strict=True)
            ]
            self._level = self.contamination
            self._cross_calibrate(Z, weight, fold)
            if self.contamination != "auto":
                # As all of scikit-learn's detectors do, and its checks ask of them.
                unusual = self._unusual_to(range(self.n_estimators), Z).mean(axis=1)
                self.offset_ = np.percentile(-unusual, 100 * self.contamination)
            kept = rng.permutation(X.shape[0])[:_KEPT_ROWS]
            self._kept = Z[kept], weight[kept], fold[kept]
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one pass over these rows, and judge by what the networks have become.

        The first call fixes the scale of the columns from its rows, so these should be a fair
        sample. Of the rows one fold in `cv` stays unseen by each member; up to 2,000 of the
        latest rows are kept, from which residuals and codes are learned and the threshold and
        the p-values found anew after every call.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            The next rows; at least four in the first call.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The detector. If training fails, it stays as it was.

        Raises
        ------
        ValueError
            As :meth:`fit`.
        """
        first = not hasattr(self, "estimators_")
        with self._as_before_on_error() as members_stay:
            X, weight = self._validated(X, sample_weight, reset=first)
            if first:
                rng = check_random_state(self.random_state)
                self._start(X, weight, rng)
                self._level = self.contamination
                self._kept = None
            Z = self._scaled(X)
            rng = np.random.RandomState([self._seed, self.n_samples_seen_])
            fold = self._folds.deal(X.shape[0], rng)
            self.n_samples_seen_ += X.shape[0]
            if not first:
                members_stay()
            for i, member in enumerate(self.estimators_):
                mine = self._folds.seen(i, fold)
                if len(mine):
                    given = None if sample_weight is None else weight[mine]
                    member.partial_fit(Z[mine], sample_weight=given)
            self._keep(Z, weight, fold)
            self._look_anew(rng)
        return self

    @contextmanager
    def _as_before_on_error(self):
        """Leave the detector as it was if training fails; its members, too, once told to."""
        before = self.__dict__.copy()
        with ExitStack() as stack:

            def members_stay():
                for member in self.estimators_:
                    stack.enter_context(member._as_before_on_error(in_place=True))

            try:
                yield members_stay
            except BaseException:
                self.__dict__ = before
                raise

    def _start(self, X, weight, rng):
        """Set everything that must stand before the networks are trained."""
        n_samples = X.shape[0]
        self._seed = int(rng.randint(np.iinfo(np.int32).max))
        self.n_samples_seen_ = 0
        self._folds = Folds(min(self.cv, n_samples // 2), self.n_estimators)
        self.max_samples_ = self._samples_of_members(n_samples)
        autoencoder = self._autoencoder()
        autoencoder._validate_params()
        # Losses that need the data's own origin need its own unit, too.
        centered = LOSSES[autoencoder.loss].centered
        self.scale_ = column_scales(X, weight) if centered else np.ones(X.shape[1])
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        self.estimators_ = [clone(autoencoder).set_params(random_state=int(seed)) for seed in seeds]

    def _autoencoder(self):
        """Return what the members are copies of."""
        likelihood = self.scoring == "likelihood"
        autoencoder = self.autoencoder
        if autoencoder is None:
            if likelihood:
                return VariationalAutoencoder(device=self.device)
            return denoiser_for_detection(self.n_features_in_, self.max_samples_, self.device)
        if likelihood and not isinstance(autoencoder, VariationalAutoencoder):
            raise ValueError(
                f"scoring='likelihood' needs an autoencoder that has a likelihood, "
                f"VariationalAutoencoder, got autoencoder={autoencoder!r}. Use that, or another "
                f"scoring."
            )
        return autoencoder

    def _samples_of_members(self, n_samples):
        """Return how many rows each member is trained on."""
        outside = n_samples - ceil(n_samples / self._folds.n_folds)
        if self.max_samples == "auto":
            return min(outside, _ENOUGH_ROWS)
        if isinstance(self.max_samples, Integral):
            return min(outside, int(self.max_samples))
        return max(2, int(self.max_samples * outside))

    def _cross_calibrate(self, Z, weight, fold):
        def unusual_to(members, rows):
            return self._unusual_to(members, Z[rows])

        self._calibrate_by(self._folds.calibration(fold, weight, unusual_to))

    def _keep(self, Z, weight, fold):
        """Keep the latest rows, with the folds that they are in."""
        if self._kept is not None:
            kept, kept_weight, kept_fold = self._kept
            stack = sparse.vstack if sparse.issparse(Z) or sparse.issparse(kept) else np.vstack
            Z = stack([kept, Z])
            weight, fold = np.r_[kept_weight, weight], np.r_[kept_fold, fold]
        latest = slice(-_KEPT_ROWS, None)
        self._kept = (Z.tocsr() if sparse.issparse(Z) else Z)[latest], weight[latest], fold[latest]

    def _look_anew(self, rng):
        """Learn residuals, codes and threshold from the rows that were kept."""
        Z, weight, fold = self._kept
        self._scores = []
        for i, member in enumerate(self.estimators_):
            seen = self._folds.seen(i, fold)
            score = SCORES[self.scoring](member).fit(Z[seen], weight[seen], rng)
            self._scores.append(score)
        self._cross_calibrate(Z, weight, fold)

    # -- what the members make of rows ------------------------------------------------

    def _unusual(self, X):
        """Return how unusual each row is to each member."""
        check_is_fitted(self)
        X, _ = self._validated(X)
        return self._unusual_to(range(len(self.estimators_)), self._scaled(X))

    def _unusual_to(self, members, Z):
        unusual = np.empty((Z.shape[0], len(self.estimators_)))
        for i in members:
            unusual[:, i] = self._scores[i].unusual(Z)
        return unusual

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
        """
        check_is_fitted(self)
        index = getattr(X, "index", None) if hasattr(X, "columns") else None
        X, _ = self._validated(X)
        explained = zip(*(score.explain(self._scaled(X)) for score in self._scores), strict=True)
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
        Z = self._scaled(X)
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

    # -- validation -------------------------------------------------------------------

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

    def _scaled(self, X):
        scale = self.scale_.astype(X.dtype)
        if sparse.issparse(X):
            return X.multiply(1 / scale).tocsr()
        return X / scale

    # -- scikit-learn's protocols -----------------------------------------------------

    @property
    def _n_features_out(self):
        return sum(member.n_components_ for member in self.estimators_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
