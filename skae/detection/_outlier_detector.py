"""The outlier detector."""

from dataclasses import field
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.utils import check_random_state

from skae._compat import Interval, RealNotInt, StrOptions, fit_context
from skae._progress import bar_of_the_rest
from skae.engine import refuse_several_ranks, torch_defaults
from skae.estimators.base import (
    BaseAutoencoder,
    ParameterErrorsMixin,
    PositiveInt,
    RandomState,
    as_before_on_error,
    fitted,
    warn_of_ignored_target,
)

from ._detector_start import DetectorStart
from ._held_out_folds import ENOUGH_SCORED
from ._members import fit_members, train_member
from ._ordinary_rows import OrdinaryRows
from ._reference_rows import n_kept
from ._validation import validate_table

_AT_LEAST_TWO = Interval(Integral, 2, None, closed="left")


class AutoencoderOutlierDetector(ParameterErrorsMixin, DetectorStart):
    """Outlier detector made of autoencoders that learn how the columns depend on one another.

    It is used like :class:`~sklearn.ensemble.IsolationForest`. An ensemble of autoencoders is
    trained as one stack of networks. Each of them leaves some of the rows out, and the scores that
    it gives these rows show which scores are ordinary. Thresholds, p-values and selections
    therefore hold for new rows, and not only for the training rows.

    The detector divides columns by their standard deviations, and clips cells that are more than
    eight of them away from the mean, so that no scaler is needed before it. Both are computed
    without the cells that are far from the median, by the quartiles, so that a few absurd values
    do not hide other outliers. It does neither for the losses "log_loss" and "poisson", which need
    the data's own unit.

    A table may have columns of several types, and cells without a value. Where all columns were
    numbers without gaps in :meth:`fit`, a gap in a later row is the mean of its column.

    Parameters
    ----------
    autoencoder : estimator of skae or None, default=None
        The autoencoder that every member is a copy of. A grid search reaches its parameters
        (``autoencoder__max_iter``); its `categorical_features`, `min_frequency` and
        `max_categories` say which columns hold which categories. None is a
        :class:`DenoisingAutoencoder` that learns to predict masked cells from the rest of the row.
        It withstands outliers among the training rows, which a plain autoencoder learns to
        reconstruct like the others. For ``scoring="likelihood"`` None is a
        :class:`VariationalAutoencoder`.
    scoring : {"mixture", "mahalanobis", "reconstruction", "likelihood"}, default="mixture"
        The measure of how unusual a row is. "mahalanobis" is the distance of its residual, its
        code and the row itself, side by side, from those of most training rows: the Mahalanobis
        distance, with a robust and shrunk covariance. "mixture" is for training rows of several
        kinds: the squared distance from the nearest kind is averaged with that from the centre
        of all rows, which has a quarter of its weight. Both are multiplied by how isolated the
        row is: one, or more if the nearest training rows are further away than is typical.
        "reconstruction" is the mean square of the standardised residuals, "likelihood" is minus
        the log-likelihood of the row with scaled columns, by a :class:`VariationalAutoencoder`.
        For these two, rows that are far from the centre of most rows (up to 15%) do not train
        the members, as a network learns every row that it sees often enough.
    n_estimators : int, default=5
        Members of the ensemble. The ranking of outliers by a single network depends on its seed;
        the ranking by five hardly does, and five members leave out one fold each.
    max_samples : "auto", int or float, default="auto"
        Rows that each member is trained on, drawn without replacement from those that it does
        not leave out: their number, or their share in (0, 1]. "auto" is all of them, but at
        most 10,000, so that large tables take no longer. :meth:`partial_fit` takes them all.
    cv : int, default=5
        Folds that the training rows are dealt to. Each member leaves one of them out; a held-out
        score is that of a row by the members that left it out. With fewer members than folds,
        some folds train all members: one member and ``cv=5`` hold one row in five out.
    contamination : "auto" or float, default="auto"
        Share of the rows below the threshold. A float in (0, 0.5] counts the training rows, as
        every detector of scikit-learn does, of large tables 20,000 of them. "auto" finds the
        blatant outliers among the training rows, and takes one in twenty of the other held-out
        rows for an outlier. With fewer than 19 held-out rows only a row more unusual than all of
        them is one.
        :meth:`set_contamination` moves the threshold later.
    forgetting : float, default=0.05
        How fast the normal may move in :meth:`partial_fit`, in (0, 1]. Once 200 rows are kept, rows
        with a p-value of at most 0.01 may be 3% of these, or of a call; of more of them, this share
        is learned. A burst stays unusual, then. If such rows go on coming, they become ordinary
        when about an eighth of the kept rows is like them. 1 learns all rows.
    device : str or torch.device, default="cpu"
        Device of the default autoencoder; another autoencoder has a `device` of its own. Rows are
        scored there, unless it lacks double precision, as Apple's GPUs do: then on the CPU.
    random_state : int, RandomState instance or None, default=None
        Source of folds, subsamples and seeds of the members. Pass an int for the same result
        every time.
    n_jobs : int or None, default=None
        Jobs of joblib that train the members in :meth:`fit`, each its share of them; -1 is one for
        each core or, in ``joblib.parallel_config``, for each worker of a cluster. None is one
        job, which trains all of them as one stack: small networks are trained fastest so. More
        jobs give the same members, up to the rounding of their matrix products, which depends on
        how many networks are in a stack. They pay for large networks.
    verbose : int, default=0
        1 shows a progress bar over the epochs of all members in :meth:`fit`, and one over rows
        that are scored if there are more than 4,096, with the time left. On a terminal or in a
        notebook with ipywidgets; logs have none. Several jobs show none over epochs.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted members. They take rows with columns divided by `scale_` and far cells clipped.
        They keep no history of their training: it would be most of a file.
    offset_ : float
        The threshold: rows with lower scores are taken for outliers.
    contamination_ : float
        Estimated share of blatant outliers among the training rows, whatever `contamination` is:
        those of clusters, or far beyond the tail of the others. 0 for most clean tables.
    n_calibration_ : int
        Number of held-out rows that thresholds and p-values are computed from.
    max_samples_ : int
        Number of rows drawn for each member in `fit`. It is trained on fewer where some are of
        clusters of outliers.
    scale_ : ndarray of shape (n_features,)
        Divisors of the columns: their standard deviations without far cells, 1 for losses that
        need the data's own unit, for categories and for constant columns, more if the constant is
        above 2,048.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, if the training rows had names that are all strings.
    n_samples_seen_ : int
        Number of training rows so far.

    See Also
    --------
    DriftDetector : Tells whether a whole batch is unlike the training rows.
    DenoisingAutoencoder : The members by default.
    sklearn.ensemble.IsolationForest : Looks at one column at a time.
    sklearn.covariance.EllipticEnvelope : The robust Mahalanobis distance of the rows themselves.

    Notes
    -----
    A row is unusual if its cells contradict each other (the residual is large), or if they agree
    and are far from those of all other rows (the code or the row is). The Mahalanobis distance of
    all three measures both. A row between kinds of rows is near to a centre, but isolated.

    Outliers among the training rows do little harm, even if they are alike and near each other:

    - Masked cells cannot be memorised, and the scale of a column does not depend on far cells.
    - Covariances are those of nine tenths of the rows, found in the concentration steps of the
      minimum covariance determinant (Rousseeuw and Van Driessen, 1999). These start from the
      spatial median and the covariance of spatial signs (Visuri, Koivunen and Oja, 2000), which a
      cluster of outliers cannot draw to itself. They are shrunk (Ledoit and Wolf, 2004).
    - Remote rows that are closer together than others so far out are clusters of outliers, up to
      an eighth of the rows. Networks and covariances do not learn them. A kind of ordinary rows
      that is as rare, remote and dense ranks between the others and scattered outliers, too.
    - Isolated rows are more unusual, but a row near to others is not less so.
    - Blatant outliers are not held out: new rows are compared with the others.

    An ensemble averages out the randomness of training (Ding, Zhao and Akoglu, 2022). A detector
    keeps up to 8,192 of its training rows, fewer of wide ones: they show how isolated others are,
    and serve :meth:`partial_fit` and :meth:`explain`. Above about a hundred columns, covariances
    are those of up to 256 leading directions: memory grows with the columns, not their square.

    **Parameters are compared by labels**, 1 and -1 as :meth:`predict` returns them; :meth:`fit`
    ignores them. A search with ``scoring="roc_auc"`` reads the decisions. The name
    "average_precision" takes the ordinary rows for the positive ones, and is near one for any
    detector: that of outliers is a function, as in the examples. Each fold needs outliers. Without
    labels there is nothing to compare by: scores of two detectors have different units, and
    p-values of a useless one are uniform, too. Outliers may be planted: rows whose cells are
    permuted within each column contradict themselves.

    **Columns of several types**: the residual of a category is its deviance residual, the root of
    twice the cross-entropy. So a category is unusual where the other columns speak against it, and
    not because it is rare. For the distance to other rows, two categories are as far apart as
    numbers that differ by one standard deviation; how isolated a row is counts less, the more of
    the columns are categories. The row itself, and the search for clusters of outliers, are about
    the numbers. A category that `fit` has not seen is as unlikely as any that it has, and far from
    all of them. A gap is what the members expect there: it makes a row neither ordinary nor
    unusual, where gaps were as frequent in `fit`.

    Where the network of `autoencoder` takes images or windows, :meth:`fit` and all other methods
    take them as arrays of three or four dimensions, too:
    ``AutoencoderOutlierDetector(ConvolutionalAutoencoder(8)).fit(images)``.

    A fit with weights differs from a fit with repeated rows, as rows are drawn at random. Rows are
    assumed independent: if dependent rows are held out, their scores are too good.

    References
    ----------
    P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, 2010. Stacked denoising
    autoencoders. Journal of Machine Learning Research 11.

    P. J. Rousseeuw and K. Van Driessen, 1999. A fast algorithm for the minimum covariance
    determinant estimator. Technometrics 41.

    S. Visuri, V. Koivunen and H. Oja, 2000. Sign and rank covariance matrices. Journal of
    Statistical Planning and Inference 91.

    O. Ledoit and M. Wolf, 2004. A well-conditioned estimator for large-dimensional covariance
    matrices. Journal of Multivariate Analysis 88.

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

    Two widths of the code are compared by labels; the first 25 rows are made outliers:

    >>> from sklearn.metrics import average_precision_score
    >>> from sklearn.model_selection import GridSearchCV, StratifiedKFold
    >>> from skae import AutoencoderTransformer
    >>> X[:25], y = rng.permuted(X[:25], axis=0), np.repeat([-1, 1], [25, 475])
    >>> def precision_of_outliers(detector, X, y):
    ...     return average_precision_score(y == -1, -detector.score_samples(X))
    >>> autoencoder = AutoencoderTransformer(hidden_layer_sizes=(), max_iter=5)
    >>> detector.set_params(autoencoder=autoencoder, scoring="reconstruction")
    AutoencoderOutlierDetector(...)
    >>> search = GridSearchCV(detector, {"autoencoder__n_components": [1, 3]},
    ...     scoring=precision_of_outliers, cv=StratifiedKFold(2, shuffle=True, random_state=0))
    >>> search.fit(X, y).best_params_
    {'autoencoder__n_components': 1}
    """

    autoencoder: BaseAutoencoder | None = field(default=None, kw_only=False)
    scoring: Literal["mixture", "mahalanobis", "reconstruction", "likelihood"] = "mixture"
    n_estimators: PositiveInt = 5
    max_samples: Annotated[
        int | float | str,
        StrOptions({"auto"}),
        _AT_LEAST_TWO,
        Interval(RealNotInt, 0, 1, closed="right"),
    ] = "auto"
    cv: Annotated[int, _AT_LEAST_TWO] = 5
    contamination: Annotated[
        float | Literal["auto"], StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")
    ] = "auto"
    forgetting: Annotated[float, Interval(Real, 0, 1, closed="right")] = 0.05
    device: str | torch.device = "cpu"
    random_state: RandomState = None
    n_jobs: int | None = None
    verbose: Annotated[int | bool, "verbose"] = 0

    contamination_: float = fitted()

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Train the ensemble, and learn the scores of ordinary rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, DataFrame, source} of shape (n_samples, n_features)
            Training rows, at least four. A few outliers among them do little harm. Of a table that
            is read part by part (see ``AutoencoderTransformer.fit``), 100,000 rows are drawn by a
            hash of their numbers, more if `max_samples` asks for that.
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
            For invalid parameters or data, or an autoencoder without the score.
        """
        refuse_several_ranks(type(self).__name__)
        warn_of_ignored_target(X, y)
        with as_before_on_error(self):
            X, weight, caller = validate_table(self, X, sample_weight, reset=True)
            rng = check_random_state(self.random_state)
            self._start(X, weight, caller, rng)
            Z = self._scaling(X)
            columns = self._learn_columns(Z, weight)
            fold = self._folds.deal(X.shape[0], rng)
            self.n_samples_seen_ = X.shape[0]
            ordinary = OrdinaryRows(Z, weight, self.scoring, rng, columns)
            rows = ordinary.choose(self._folds.draw(fold, self.max_samples_, rng))
            given = None if sample_weight is None else weight
            with bar_of_the_rest(self._shows_progress, "fit", "epoch") as tell_left:
                fit_members(self.estimators_, Z, rows, given, caller, self.n_jobs, tell_left)
            kept = rng.permutation(X.shape[0])[: n_kept(X.shape[1])]
            unusual, in_cluster = np.zeros(len(kept), dtype=bool), ordinary.in_cluster[kept]
            known = weight[kept], fold[kept], unusual, in_cluster
            self._keep(Z[kept], *known, ordinary.whitening, columns)
            self._learn_scores(Z, weight, fold, rows, ordinary, rng)
            if self.contamination != "auto":
                # As all of scikit-learn's detectors do, and its checks ask of them.
                some = Z[rng.permutation(Z.shape[0])[:ENOUGH_SCORED]]
                scores = -self._ensemble.mean_outlier_scores(some)
                self.offset_ = np.percentile(scores, 100 * self.contamination)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
    def partial_fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Train for one pass over these rows, and learn the scores of ordinary rows again.

        The first call sets the scale of the columns from its rows, which should be a fair sample.
        A column that is constant in them gets its scale from the first rows in which it varies.
        Each member leaves one fold in `cv` of the rows out. The detector keeps up to 8,192 rows,
        drawn from those of all calls, and after every call learns scores, threshold and p-values
        from them again. Rows unlike all before are learned slowly; see `forgetting`. A float
        `contamination` is a share of the held-out rows, as for :meth:`set_contamination`.

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
        refuse_several_ranks(type(self).__name__)
        warn_of_ignored_target(X, y)
        first = not hasattr(self, "estimators_")
        with as_before_on_error(self, *(() if first else self.estimators_)):
            X, weight, caller = validate_table(self, X, sample_weight, trains=True, reset=first)
            if first:
                self._start(X, weight, caller, check_random_state(self.random_state))
            is_new_table = first or self._learn_scales(X, weight)
            Z = self._scaling(X)
            rng = np.random.RandomState([self._seed, self.n_samples_seen_ % 2**32])
            self.n_samples_seen_ += X.shape[0]
            unusual = np.zeros(Z.shape[0], dtype=bool)
            if not is_new_table:
                unusual, learned = self._unusual_and_admitted(Z, self.forgetting, rng)
                if not learned.any():
                    return self
                Z, weight, unusual = Z[learned], weight[learned], unusual[learned]
            fold = self._folds.deal(Z.shape[0], rng)
            if first:
                some = rng.permutation(Z.shape[0])[: n_kept(X.shape[1])]
                kept = Z[some], weight[some], fold[some], unusual[some]
            else:
                kept = self._reference.followed_by(Z, weight, fold, unusual, rng)
            columns = self._learn_columns(*kept[:2])
            ordinary = OrdinaryRows(*kept[:2], self.scoring, rng, columns)
            new = ordinary.choose(self._folds.seen(fold), Z)
            for member, rows in zip(self.estimators_, new, strict=True):
                given = None if sample_weight is None else weight[rows]
                if len(rows) and train_member(member, Z[rows], given, caller):
                    if first:
                        raise KeyboardInterrupt  # The other members have learned nothing.
                    break
            self._keep(*kept, ordinary.in_cluster, ordinary.whitening, columns)
            seen = ordinary.choose(self._folds.seen(kept[2]))
            self._learn_scores(*kept[:3], seen, ordinary, rng)
        return self

    @property
    def _shows_progress(self) -> bool:
        return self.verbose > 0
