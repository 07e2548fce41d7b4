"""The outlier detector."""

from contextlib import ExitStack, contextmanager
from dataclasses import field
from numbers import Integral, Real
from typing import Annotated, Literal

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import check_random_state

from skae._compat import Interval, RealNotInt, StrOptions, fit_context
from skae.engine import torch_defaults
from skae.estimators import VariationalAutoencoder
from skae.estimators.base import (
    BaseAutoencoder,
    ParameterErrorsMixin,
    PositiveInt,
    RandomState,
    estimator,
    fit_in_lockstep,
    warn_of_ignored_device,
    warn_of_ignored_parameters,
)
from skae.objectives import LOSSES
from skae.tables import ColumnScaling

from ._default_autoencoder import denoiser_for_detection
from ._ensemble import FittedMembersMixin
from ._left_out_folds import Folds
from ._row_distances import SCORES
from ._thresholds import ThresholdsMixin

# Rows that are kept for `partial_fit`: to look at codes and residuals anew once these have moved.
_KEPT_ROWS = 2000

_AT_LEAST_TWO = Interval(Integral, 2, None, closed="left")


@estimator
class AutoencoderOutlierDetector(
    ParameterErrorsMixin, ThresholdsMixin, FittedMembersMixin, OutlierMixin, BaseEstimator
):
    """Outlier detector made of autoencoders that learn how the columns depend on one another.

    It is used like :class:`~sklearn.ensemble.IsolationForest`. An ensemble of autoencoders is
    trained as one stack of networks; each leaves some of the rows out, and what it makes of these
    says which scores are ordinary. Thresholds, p-values and selections therefore hold on new
    rows, and not only on those that it was trained on.

    Columns are divided by their standard deviations, and cells more than eight of them away from
    the mean are brought in to eight, so no scaler is needed before it (neither is done for the
    losses "log_loss" and "poisson", which need the data's own unit).

    Parameters
    ----------
    autoencoder : estimator of skae or None, default=None
        What the members are copies of; if it is given, a grid search reaches its parameters
        (``autoencoder__max_iter``). None is chosen for detection: a
        :class:`DenoisingAutoencoder` that learns to predict masked cells from the rest of the
        row. It withstands outliers among the training rows, which a plain autoencoder learns to
        reconstruct like the others. For ``scoring="likelihood"`` None is a
        :class:`VariationalAutoencoder`.
    scoring : {"mixture", "mahalanobis", "reconstruction", "likelihood"}, default="mixture"
        What makes a row unusual. "mahalanobis" is the distance of its residual and its code,
        side by side, from those of most training rows: half the squared Mahalanobis distance,
        with a shrunk covariance of the rows that are nearest to the centre. "mixture" is for
        training rows of several kinds: the distance from the nearest kind, averaged with a
        quarter of the weight with that from the centre of all. Where many
        outliers among the training rows resemble one another, they are such a kind, and
        "mahalanobis" finds them better.
        "reconstruction" is the mean square of the standardised residuals, "likelihood" minus
        the log-likelihood of the row, its columns scaled, of a :class:`VariationalAutoencoder`.
    n_estimators : int, default=10
        Members of the ensemble. How well a single network ranks outliers depends on its seed, that
        of ten together hardly does.
    max_samples : "auto", int or float, default="auto"
        Rows that each member is trained on, drawn without replacement from those that it does
        not leave out: how many, or the share of them in (0, 1]. "auto" is all of them, but at
        most 10,000, so that large tables take no longer. :meth:`partial_fit` takes them all.
    cv : int, default=5
        Folds that the training rows are dealt out to. Each member leaves out one of them, and
        held-out scores are those of rows by the members that left them out. With fewer members
        than folds the other folds are trained on by all: one member and ``cv=5`` hold one row
        in five out.
    contamination : "auto" or float, default="auto"
        Where the threshold lies. A float in (0, 0.5] is the share of the training rows that are
        below it, as for every detector of scikit-learn. "auto" takes one row in twenty of those
        held out for an outlier (only what is more unusual than all of them, if these are fewer
        than 19). :meth:`set_contamination` moves the threshold later.
    device : str or torch.device, default="cpu"
        Where the default autoencoder is trained and applied; another autoencoder has a `device`
        of its own.
    random_state : int, RandomState instance or None, default=None
        Source of folds, subsamples and seeds of the members. Pass an int for the same result
        every time.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted members. They work on rows in which columns were divided by
        `scale_` and far cells brought in.
    offset_ : float
        The threshold: rows that score less are taken for outliers.
    n_calibration_ : int
        Number of held-out rows that thresholds and p-values rest on.
    max_samples_ : int
        Number of rows that each member was trained on by `fit`.
    scale_ : ndarray of shape (n_features,)
        What columns are divided by: their standard deviations, 1 for constant columns and for
        losses that need the data's own unit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, if the training rows had names that are all strings.
    n_samples_seen_ : int
        Number of training rows so far.

    See Also
    --------
    DriftDetector : Tells whether a whole batch is unlike the training rows.
    DenoisingAutoencoder : What the members are by default.
    sklearn.ensemble.IsolationForest : Looks at one column at a time.
    sklearn.covariance.EllipticEnvelope : The robust Mahalanobis distance of the rows themselves.

    Notes
    -----
    A row is unusual in two ways: its cells do not go together (the residual is large), or they do
    and are far from all others (the code is). The Mahalanobis distance of both together looks at
    the two, and at residuals that usually go together.

    What is robust: masked cells, which cannot be learned by heart; covariances of the nine tenths
    of the rows that are nearest to the centre, found in the concentration steps of the minimum
    covariance determinant (Rousseeuw and Van Driessen, 1999) and shrunk (Ledoit and Wolf, 2004);
    kinds of rows, which k-means finds among the nearest 98%; a smallest standard deviation, so
    that a column that is constant or follows from others makes no row unusual by a hair's
    breadth. Ensembles make up for the chance in training (Ding, Zhao and Akoglu, 2022).

    A detector keeps up to 2,000 of its training rows, for :meth:`partial_fit`.

    A fit with weights is not a fit with repeated rows, as rows are drawn at random. Rows are
    taken for independent: of rows that belong together some may be held out while others are
    trained on, and then scores are too good to be true.

    What a member remembers of the covariances grows with the square of the number of columns: 50
    columns take a few megabytes, 800 columns a few hundred.

    References
    ----------
    P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, 2010. Stacked denoising
    autoencoders. Journal of Machine Learning Research 11.

    P. J. Rousseeuw and K. Van Driessen, 1999. A fast algorithm for the minimum covariance
    determinant estimator. Technometrics 41.

    O. Ledoit and M. Wolf, 2004. A well-conditioned estimator for large-dimensional covariance
    matrices. Journal of Multivariate Analysis 88.

    B. Zong, Q. Song, M. R. Min, W. Cheng, C. Lumezanu, D. Cho and H. Chen, 2018. Deep
    autoencoding Gaussian mixture model for unsupervised anomaly detection. International
    Conference on Learning Representations.

    X. Ding, L. Zhao and L. Akoglu, 2022. Hyperparameter sensitivity in deep outlier detection:
    analysis and a scalable hyper-ensemble solution. Advances in Neural Information Processing
    Systems 35.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=500)
    >>> X = np.outer(x, [1, 2, -1]) + rng.normal(scale=0.1, size=(500, 3))
    >>> detector = AutoencoderOutlierDetector(n_estimators=2, random_state=0).fit(X)
    >>> detector.predict([[1, 2, -1], [1, -2, -1]])
    array([ 1, -1])
    >>> detector.explain([[1, -2, -1]])["share"].idxmin(axis=1).tolist()
    ['x1']
    """

    autoencoder: BaseAutoencoder | None = field(default=None, kw_only=False)
    scoring: Literal["mixture", "mahalanobis", "reconstruction", "likelihood"] = "mixture"
    n_estimators: PositiveInt = 10
    max_samples: Annotated[
        int | float | str,
        StrOptions({"auto"}),
        _AT_LEAST_TWO,
        Interval(RealNotInt, 0, 1, closed="right"),
    ] = "auto"
    cv: Annotated[int, _AT_LEAST_TWO] = 5
    contamination: Annotated[
        float | str, StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")
    ] = "auto"
    device: str | torch.device = "cpu"
    random_state: RandomState = None

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
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
            Z = self._scaling(X)
            fold = self._folds.deal(X.shape[0], rng)
            self.n_samples_seen_ = X.shape[0]
            rows = self._folds.draw(fold, self.max_samples_, rng)
            given = None if sample_weight is None else weight
            fit_in_lockstep(self.estimators_, Z, rows, given)
            self._forget_codes()
            self._scores = [
                SCORES[self.scoring]().fit(member, Z[mine], weight[mine], rng)
                for member, mine in zip(self.estimators_, rows, strict=True)
            ]
            self._level = self.contamination
            self._cross_calibrate(Z, weight, fold)
            if self.contamination != "auto":
                # As all of scikit-learn's detectors do, and its checks ask of them.
                self.offset_ = np.percentile(-self._mean_unusual(Z), 100 * self.contamination)
            kept = rng.permutation(X.shape[0])[:_KEPT_ROWS]
            self._kept = Z[kept], weight[kept], fold[kept]
        return self

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one pass over these rows, and judge by what the networks have become.

        The first call fixes the scale of the columns from its rows, so these should be a fair
        sample. Of the rows one fold in `cv` stays unseen by each member; up to 2,000 of the
        latest rows are kept, from which residuals and codes are learned and the threshold and
        the p-values found anew after every call. A float `contamination` then is a share of the
        held-out rows, as for :meth:`set_contamination`.

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
            Z = self._scaling(X)
            rng = np.random.RandomState([self._seed, self.n_samples_seen_ % 2**32])
            fold = self._folds.deal(X.shape[0], rng)
            self.n_samples_seen_ += X.shape[0]
            if not first:
                members_stay()
            for i, member in enumerate(self.estimators_):
                mine = self._folds.seen(i, fold)
                if len(mine):
                    given = None if sample_weight is None else weight[mine]
                    member.partial_fit(Z[mine], sample_weight=given)
                    if member.net_.interrupted_:
                        break
            self._forget_codes()
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
                    stack.enter_context(member._as_before_on_error())

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
        n_folds = min(self.cv, n_samples)
        self._folds = Folds(n_folds, np.arange(self.n_estimators) % n_folds)
        self.max_samples_ = self._folds.samples_of_members(self.max_samples, n_samples)
        autoencoder = self._autoencoder()
        autoencoder._validate_params()
        warn_of_ignored_parameters(autoencoder)
        warn_of_ignored_device(self.device, autoencoder)
        # Losses that need the data's own origin need its own unit, too.
        centered = LOSSES[autoencoder.loss].centered
        self._scaling = ColumnScaling(X, weight, centered)
        self.scale_ = self._scaling.scale
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

    def _forget_codes(self):
        """Free what only `sample` of a member would need."""
        for member in self.estimators_:
            if member._draws_from != "prior":
                member._some_codes = None

    def _cross_calibrate(self, Z, weight, fold):
        def unusual_to(members, rows):
            return self._unusual_to_members(Z[rows], members)

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
            score = SCORES[self.scoring]().fit(member, Z[seen], weight[seen], rng)
            self._scores.append(score)
        self._cross_calibrate(Z, weight, fold)

    # -- scikit-learn's protocols -----------------------------------------------------

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
