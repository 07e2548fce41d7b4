"""The detector of drift: it compares a model's view of new rows with that of earlier ones."""

from dataclasses import field
from numbers import Integral, Real
from typing import Annotated, Any, Self

import numpy as np
from scipy.special import comb
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skae._compat import HasMethods, Interval, fit_context
from skae._typing import ArrayOf
from skae.engine import torch_defaults
from skae.estimators.base import (
    DeclaredParameters,
    ParameterErrorsMixin,
    PositiveInt,
    RandomState,
    fitted,
)

from ._drift_result import DriftResult
from ._drift_tests import DriftTests, Sample
from ._model_answers import FittedModelMixin, scores_and_codes
from ._reference_columns import Types, n_columns_of, named_columns, read_columns
from ._training_rows_check import warn_of_training_rows

# Tests of the scores, of the codes one by one, of the codes together, and of the columns.
_N_KINDS = 4

# Permutations that must be at least as surprising at the level alpha, so that it can be told.
_AT_ALPHA = 3

# Values of a sample in all tests together, so that permutations take half a minute at most.
_MOST_VALUES, _FEWEST_ROWS = 2**21, 50


class DriftDetector(DeclaredParameters, ParameterErrorsMixin, FittedModelMixin):
    """Test whether a batch comes from the distribution that a model was fitted on.

    A fitted model scores and encodes held-out rows, the reference, and a batch of new ones. Four
    kinds of tests compare the two: of the scores (Kolmogorov-Smirnov test), of each code, of all
    codes together (maximum mean discrepancy; Rabanser et al., 2019), and of each column of the
    table. One correction holds the rate of false alarms of the whole test at `alpha`.

    Parameters
    ----------
    model : estimator
        A fitted estimator with ``score_samples`` and ``transform``: any autoencoder, outlier
        detector or :class:`~sklearn.decomposition.PCA`, or a Pipeline that ends in one. It is
        never fitted or cloned: `clone` of the detector shares it, and its parameters cannot be
        set through the detector.
    alpha : float, default=0.05
        Rate of false alarms of the whole test, in (0, 1); the intervals of effect sizes have the
        level ``1 - alpha``. :meth:`test` reads it, so it can be changed after `fit`.
    window : int or None, default=None
        For rows in the order of time: the least number of rows after which rows hardly depend on
        each other. Permutations then keep blocks of at least this length together. Reference and
        batch must hold at least 8 blocks, with ``2 / alpha`` ways to choose those of the smaller
        one. None is for independent rows.
    n_permutations : int, default=999
        Permutations for the p-values. No adjusted one can be below ``1 / (n_permutations + 1)``; at
        least ``3 / alpha`` permutations are needed. With 999 of them a p-value of 0.05 has a
        standard error of 0.007.
    max_samples : int, default=1000
        Most rows of the reference, and of the batch, in the discrepancy, drawn at random (with a
        `window` those nearest in time); at least 2. Memory and time grow with its square. The
        other tests use all rows, up to 2 million values in all tests.
    random_state : int, RandomState instance or None, default=None
        Source of a seed for these rows and the permutations. `fit` draws the seed, so that the
        same batch gives the same result each time; an int makes it the same for every fit.

    Attributes
    ----------
    scores_ : ndarray of shape (n_kept,) and dtype float64
        The scores of the reference.
    codes_ : ndarray of shape (n_kept, n_components) and dtype float64
        The codes of the reference.
    reference_ : ndarray of shape (n_kept, n_columns)
        The columns of the reference: numbers, seconds since 1970 for dates, and for categories
        their places in the order of appearance. A missing value is minus infinity.
    columns_ : ndarray of shape (n_columns,)
        Names of these columns: those of a DataFrame, or those that the model saw, or "x0", "x1",
        ... Images and windows are flattened.
    n_reference_ : int
        Number of rows given to `fit`. All are kept if scores, codes and columns of them are at most
        2 million values, otherwise as many as are (random ones; with a `window` the latest).

    See Also
    --------
    skae.detection.DriftResult : The result of :meth:`test`.
    AutoencoderTransformer : A model that can be given.
    scipy.stats.ks_2samp : The test of the scores, of each code and of each column.
    scipy.stats.false_discovery_control : Another correction, for tests by the thousand.

    Notes
    -----
    **The reference must be rows that the model was not trained on.** A model reconstructs its
    training rows better than any others, so the test of the scores would find a difference to
    every batch. `fit` warns of such rows where the model has kept enough to know them: outlier
    detectors and autoencoders have kept some of them, PCA the mean of all. A model that is trained
    further needs a new reference: call `fit` again.

    **Rows in the order of time need a window.** Neighbours are alike, so that the rows tell less
    than their number, and the tests of independent rows raise false alarms. Permutations of blocks
    keep neighbours together. They also join rows that were apart, therefore the blocks are
    lengthened, up to half of the batch or ten windows, while there are ``20 / alpha`` ways to
    choose them. For a first-order autoregression with the coefficient c, ``5 / (1 - c)`` rows are a
    fair window. Rhythms longer than a batch, as of days or seasons, are drift for any test of this
    kind.

    The rate holds on average over references: all batches that are compared with one reference
    share its sampling error. Hold out more rows than a batch has.

    The correction is min-P (Westfall and Young, 1993): it compares the smallest p-value with the
    smallest p-values of permutations, and so allows for tests that depend on each other. The kinds
    of tests have equal weights, and the tests of a kind share its weight: many columns do not
    weaken the test of the scores. The kernel of the discrepancy is Gaussian (Gretton et al., 2012).
    Its width is half the median distance between all codes. The whole median distance would detect
    little but shifts of the mean, which the tests of single codes detect, too.

    The p-values of single Kolmogorov-Smirnov tests are exact for up to ten million pairs of rows,
    and do not depend on permutations. With tied values or a `window`, and for the discrepancy,
    they are the share of the permutations with a statistic as large.

    The effect size is the probability that a value of the batch is above one of the reference,
    where ties count half (Vargha and Delaney, 2000): 0.5 is no shift, 0 and 1 are no overlap, in
    any unit and for any distribution. A change of the spread alone leaves it at 0.5; then
    `statistic` tells how large it is. For the codes together, it is the probability that a row of
    the batch is nearer to the other rows of the batch than a row of the reference is. Its interval
    is Wilson's with the variance of DeLong et al. (1988), with a `window` with that of blocks.

    **Columns of categories** (text, truth values, and what a DataFrame calls categories) have a
    G-test. New categories count, each for itself, and so do missing values. The effect size is the
    total variation distance: the share of the rows of the batch that would have to be of another
    category. 0 is no difference; by chance it is above, so that its interval is for categories of
    which there is drift.

    References
    ----------
    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, 1988. Comparing the areas under two or
    more correlated receiver operating characteristic curves. Biometrics 44.

    A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schoelkopf and A. Smola, 2012. A kernel
    two-sample test. Journal of Machine Learning Research 13.

    T. A. Knijnenburg, L. F. A. Wessels, M. J. T. Reinders and I. Shmulevich, 2009. Fewer
    permutations, more accurate P-values. Bioinformatics 25.

    D. N. Politis and J. P. Romano, 1992. A circular block-resampling procedure for stationary
    data. In: Exploring the limits of bootstrap. Wiley.

    S. Rabanser, S. Guennemann and Z. C. Lipton, 2019. Failing loudly: an empirical study of
    methods for detecting dataset shift. Advances in Neural Information Processing Systems.

    A. Vargha and H. D. Delaney, 2000. A critique and improvement of the CL common language effect
    size statistics of McGraw and Wong. Journal of Educational and Behavioral Statistics 25.

    D. Vats and J. M. Flegal, 2022. Lugsail lag windows for estimating time-average covariance
    matrices. Biometrika 109.

    P. H. Westfall and S. S. Young, 1993. Resampling-based multiple testing. Wiley.

    E. B. Wilson, 1927. Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import AutoencoderTransformer, DriftDetector
    >>> X, _ = load_wine(return_X_y=True, as_frame=True)
    >>> X_train, X_rest = train_test_split(X, train_size=0.3, random_state=0)
    >>> X_heldout, X_new = train_test_split(X_rest, train_size=0.6, random_state=0)
    >>> ae = AutoencoderTransformer(2, max_iter=10, random_state=0)
    >>> model = make_pipeline(StandardScaler(), ae).fit(X_train)
    >>> detector = DriftDetector(model, random_state=0).fit(X_heldout)
    >>> detector.test(X_new).drift
    False
    >>> result = detector.test(X_new.assign(alcohol=X_new["alcohol"] + 1))
    >>> tests = result.tests
    >>> tests.index[tests["drift"] & (tests["kind"] == "column")].tolist()
    ['alcohol']
    """

    model: Annotated[Any, HasMethods(["score_samples", "transform"])] = field(kw_only=False)
    alpha: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.05
    window: PositiveInt | None = None
    n_permutations: PositiveInt = 999
    max_samples: Annotated[int, Interval(Integral, 2, None, closed="left")] = 1000
    random_state: RandomState = None

    scores_: Annotated[np.ndarray, ArrayOf("float", "n_kept")] = fitted()
    codes_: Annotated[np.ndarray, ArrayOf("float", "n_kept", "n_codes")] = fitted()
    reference_: Annotated[
        np.ndarray, ArrayOf("float", "n_kept", "n_columns", may_be_infinite=True)
    ] = fitted(optional=True)
    columns_: Annotated[np.ndarray, ArrayOf("str", "n_columns")] = fitted(optional=True)
    n_reference_: int = fitted(optional=True)
    # For each column None if it holds numbers, or else how its values are compared.
    _types: Types = fitted(optional=True)
    # Whether the kept rows follow each other as those of `fit` did.
    _in_order: bool = fitted(optional=True)
    _seed: int = fitted()

    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def fit(self, X: Any, y: None = None) -> Self:
        """Keep held-out rows, their scores and codes as the reference.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_reference, n_features)
            Rows, at least two, that the model was not trained on, in any container that the
            model takes. With a `window` they are in the order of time.
        y : None
            Ignored, present for the conventions of scikit-learn.

        Returns
        -------
        self : object
            The fitted detector. If fitting fails it stays as it was.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If a parameter is out of range, the rows have other columns than the model's training
            rows, there are fewer than two, or the model gives scores or codes that are no numbers.

        Warns
        -----
        UserWarning
            If the rows are among those that the model was trained on, or columns hold neither
            numbers, dates nor categories and are not tested by themselves.
        """
        self._check_permutations()
        scores, codes = scores_and_codes(self.model, X)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        rng = np.random.default_rng([seed, 1])
        rows = self._kept_rows(len(scores), _n_tests(codes, n_columns_of(X)), rng)
        columns = read_columns(X, rows, self.model)
        warn_of_training_rows(self.model, codes)
        columns.warn_of_left_out()
        self.scores_, self.codes_, self._seed = scores[rows], codes[rows], seed
        self.reference_, self.columns_ = columns.values, np.array(columns.names, dtype=object)
        self._types, self.n_reference_ = columns.types, len(scores)
        self._in_order = self.window is not None or len(rows) == len(scores)
        return self

    # The decorator checks the parameters, which may have been set after fit.
    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def test(self, X: Any) -> DriftResult:
        """Compare a batch with the reference.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            New rows, at least two; with a `window` in the order of time.

        Returns
        -------
        result : DriftResult
            ``result.drift`` tells whether there is drift, ``result.p_value`` is that of the whole
            test, and ``result.tests`` is a DataFrame. Its rows are "score" (all scores), "codes"
            (all codes together), "code0", "code1", ... (one code each), and the names of the
            columns. Its own columns are `kind` ("score", "codes", "code" or "column"), `test`
            ("KS", "G" for categories, or "MMD"), `statistic` (largest distance of the distribution
            functions, in [0, 1], twice the logarithm of a ratio of likelihoods, or unbiased
            squared discrepancy, about zero without drift), `p_value`, `p_adjusted` (after the
            correction for all tests), `effect`, `effect_low` and `effect_high` (probability that
            the batch is above the reference, for categories their total variation distance, and
            its interval; see the notes), and `drift` (whether `p_adjusted` is at most `alpha`).

        Raises
        ------
        NotFittedError
            If :meth:`fit` was not called.
        ValueError
            As :meth:`fit`; also if the batch lacks a column, the model gives another number of
            codes than for the reference, or batch and reference are too small for any difference
            to be significant at `alpha`.
        """
        check_is_fitted(self, "codes_")
        self._check_permutations()
        scores, codes = scores_and_codes(self.model, X)
        n_components = self.codes_.shape[1]
        if codes.shape[1] != n_components:
            raise ValueError(
                f"model gives {codes.shape[1]} codes, but gave {n_components} for the reference. "
                f"Call fit with held-out rows again after every change of the model."
            )
        self._check_number_of_rows(len(scores))
        rng = np.random.default_rng(self._seed)
        types = self._types_of_columns()
        is_category = np.array([one is not None and one.levels is not None for one in types], bool)
        reference = Sample(self.scores_, self.codes_, self._reference_columns(), is_category)
        n_tests = _n_tests(codes, reference.columns.shape[1])
        rows = self._kept_rows(len(scores), n_tests, rng)
        batch = Sample(scores[rows], codes[rows], self._columns_of(X, rows), is_category)
        run_tests = DriftTests(self.alpha, self.window, self.n_permutations, self.max_samples, rng)
        names = list(self.columns_) if reference.columns.shape[1] else []
        tests = run_tests(reference, batch, names)
        return DriftResult(
            bool(tests["drift"].any()),
            float(tests["p_adjusted"].min()),
            tests,
            self.alpha,
            self._notes(len(batch), len(scores)),
        )

    def _kept_rows(self, n_rows: int, n_tests: int, rng: np.random.Generator) -> np.ndarray:
        """Return the numbers of the rows that tests use: all, or as many as are fast."""
        n_kept = max(_FEWEST_ROWS, _MOST_VALUES // n_tests)
        if n_rows <= n_kept:
            return np.arange(n_rows)
        if self.window is not None:
            return np.arange(n_rows - n_kept, n_rows)
        return np.sort(rng.choice(n_rows, n_kept, replace=False))

    def _reference_columns(self) -> np.ndarray:
        # Files of earlier versions have no columns.
        return getattr(self, "reference_", np.empty((len(self.scores_), 0)))

    def _types_of_columns(self) -> Types:
        """Return what each column of the reference is; earlier versions have numbers only."""
        return getattr(self, "_types", [None] * self._reference_columns().shape[1])

    def _columns_of(self, X: Any, rows: np.ndarray) -> np.ndarray:
        """Return the columns of a batch that the reference has, in its type."""
        reference = self._reference_columns()
        if reference.shape[1] == 0:
            return np.empty((len(rows), 0))
        given = named_columns(X, list(self.columns_))
        columns = read_columns(given, rows, self.model, self._types_of_columns())
        if columns.left_out or columns.values.shape[1] != reference.shape[1]:
            raise ValueError(
                f"X has {columns.values.shape[1]} columns that can be compared, the reference has "
                f"{reference.shape[1]}. Give batches the columns that the reference had in fit."
            )
        return columns.values.astype(reference.dtype)

    def _notes(self, n_used: int, n_batch: int) -> tuple[str, ...]:
        """Return what the tests compared, and what they left out."""
        n_kept = len(self.scores_)
        n_reference = getattr(self, "n_reference_", n_kept)
        of_all = [
            f"{n:,} rows" if n == n_all else f"{n:,} of {n_all:,} rows"
            for n, n_all in ((n_used, n_batch), (n_kept, n_reference))
        ]
        notes = [f"batch: {of_all[0]}, reference: {of_all[1]}, window: {self.window}"]
        if self._reference_columns().shape[1] == 0:
            notes.append("columns were not tested by themselves: the reference has none kept")
        return tuple(notes)

    def _check_permutations(self) -> None:
        n_needed = int(_AT_ALPHA / self.alpha)
        if self.n_permutations < n_needed:
            raise ValueError(
                f"n_permutations={self.n_permutations} give p-values in steps of "
                f"{1 / (self.n_permutations + 1):.2g}, too coarse to find drift at "
                f"alpha={self.alpha}. Use at least n_permutations={n_needed}."
            )

    def _check_number_of_rows(self, n_samples: int) -> None:
        n_reference = len(self.scores_)
        smallest = 2 / comb(n_reference + n_samples, n_samples)
        if smallest * _N_KINDS > self.alpha:
            raise ValueError(
                f"X has {n_samples} rows and the reference {n_reference}: even if all scores of "
                f"one were above those of the other, that would happen by chance with "
                f"probability {smallest:.2g}, too often for alpha={self.alpha}. Test more rows, "
                f"or fit on more."
            )
        if self.window is not None and not getattr(self, "_in_order", True):
            raise ValueError(
                f"window={self.window} was set after fit, which has kept {n_reference} of "
                f"{self.n_reference_} rows, not in their order. Call fit with the held-out rows "
                f"again."
            )

    def _check_consistency(self) -> None:
        n_codes = len(self.model.get_feature_names_out())
        if self.codes_.shape[1] != n_codes:
            raise ValueError(f"the model has codes of {n_codes} values, the reference has not")
        if hasattr(self, "reference_") != hasattr(self, "columns_"):
            raise ValueError("the reference has columns without names, or names without columns")


def _n_tests(codes: np.ndarray, n_columns: int) -> int:
    return 1 + codes.shape[1] + n_columns
