"""The detector of drift: it compares a model's scores and codes of new and of earlier rows."""

from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from scipy.special import comb
from sklearn.base import BaseEstimator
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
from skae.tables import detached

from ._two_sample_tests import holm, ks_test, mmd_test

# Tests of the scores, of the codes one by one, and of the codes together.
_N_QUESTIONS = 3


@dataclass(frozen=True, eq=False)
class DriftResult:
    """The result of :meth:`DriftDetector.test`; true in an ``if`` where there is drift.

    Parameters
    ----------
    drift : bool
        Whether the batch is from another distribution than the reference.
    p_value : float
        P-value of the whole test: the smallest of the adjusted p-values.
    tests : DataFrame
        A row for each test; see :meth:`DriftDetector.test`.
    """

    drift: bool
    p_value: float
    tests: pd.DataFrame

    def __bool__(self) -> bool:
        return self.drift


class DriftDetector(DeclaredParameters, ParameterErrorsMixin, BaseEstimator):
    """Test whether a batch comes from the distribution that a model was fitted on.

    A fitted model scores and encodes held-out rows and a batch of new ones. Three kinds of tests
    compare the two (Rabanser et al., 2019): of the scores (Kolmogorov-Smirnov test), of each code
    by itself (the same test), and of all codes together (maximum mean discrepancy). Holm's
    correction keeps the probability of a false alarm of the whole test at most at `alpha`.

    Parameters
    ----------
    model : estimator
        A fitted estimator with ``score_samples`` and ``transform``: any autoencoder, outlier
        detector or :class:`~sklearn.decomposition.PCA`, or a Pipeline that ends in one. It is
        never fitted or cloned: `clone` of the detector shares it, and its parameters cannot be
        set through the detector.
    alpha : float, default=0.05
        Rate of false alarms of the whole test, in (0, 1). :meth:`test` reads it, so it can be
        changed after `fit`.
    n_permutations : int, default=999
        Permutations for the p-value of the discrepancy, which cannot be below
        ``1 / (n_permutations + 1)``; at least ``3 / alpha`` are needed. With 999 of them a
        p-value of 0.05 has a standard error of 0.007.
    max_samples : int, default=1000
        Most rows of the reference, and of the batch, in the discrepancy, drawn at random; at
        least 2. Memory and time grow with its square. The other tests use all rows.
    random_state : int, RandomState instance or None, default=None
        Source of a seed for these rows and the permutations. `fit` draws the seed, so that the
        same batch gives the same result each time; an int makes it the same for every fit.

    Attributes
    ----------
    scores_ : ndarray of shape (n_reference,) and dtype float64
        The scores of the reference.
    codes_ : ndarray of shape (n_reference, n_components) and dtype float64
        The codes of the reference. The detector does not keep its rows.

    See Also
    --------
    AutoencoderTransformer : A model that can be given.
    scipy.stats.ks_2samp : The test of the scores and of each code.
    scipy.stats.false_discovery_control : Another correction, for tests by the thousand.

    Notes
    -----
    **The reference must be rows that the model was not trained on.** A model reconstructs its
    training rows better than any others, so the test of the scores would find a difference to
    every batch. A model that is trained further needs a new reference: call `fit` again.

    The rate holds for independent rows. Rows that are neighbours in time are dependent, and
    batches of them raise more alarms. The rate holds on average over references: all batches that
    are compared with one reference share its sampling error. Hold out more rows than a batch has.

    The three kinds of tests have equal weights, and the tests of single codes share one weight
    (Holm, 1979, allows for weights): wide codes do not weaken the test of the scores. The kernel of
    the discrepancy is Gaussian (Gretton et al., 2012). Its width is half the median distance
    between all codes. The whole median distance would detect little but shifts of the mean, which
    the tests of single codes detect, too.

    The p-values of the Kolmogorov-Smirnov tests are exact for up to ten million pairs of rows.
    With tied values they are too large, never too small; those of the discrepancy are exact in
    any case.

    References
    ----------
    A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schoelkopf and A. Smola, 2012. A kernel
    two-sample test. Journal of Machine Learning Research 13.

    S. Holm, 1979. A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6.

    S. Rabanser, S. Guennemann and Z. C. Lipton, 2019. Failing loudly: an empirical study of
    methods for detecting dataset shift. Advances in Neural Information Processing Systems.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skae import AutoencoderTransformer, DriftDetector
    >>> X_train, X_rest = train_test_split(load_digits().data, train_size=0.5, random_state=0)
    >>> X_heldout, X_new = train_test_split(X_rest, train_size=0.6, random_state=0)
    >>> ae = AutoencoderTransformer(4, max_iter=10, random_state=0).fit(X_train)
    >>> detector = DriftDetector(ae, random_state=0).fit(X_heldout)
    >>> detector.test(X_new).drift
    False
    >>> result = detector.test(X_new + 1)
    >>> result.drift
    True
    >>> list(result.tests.index)
    ['score', 'codes', 'code0', 'code1', 'code2', 'code3']
    """

    model: Annotated[Any, HasMethods(["score_samples", "transform"])] = field(kw_only=False)
    alpha: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.05
    n_permutations: PositiveInt = 999
    max_samples: Annotated[int, Interval(Integral, 2, None, closed="left")] = 1000
    random_state: RandomState = None

    scores_: Annotated[np.ndarray, ArrayOf("float", "n_reference")] = fitted()
    codes_: Annotated[np.ndarray, ArrayOf("float", "n_reference", "n_codes")] = fitted()
    _seed: int = fitted()

    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def fit(self, X: Any, y: None = None) -> Self:
        """Keep the scores and codes of held-out rows as the reference.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_reference, n_features)
            Rows, at least two, that the model was not trained on, in any container that the
            model takes.
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
        """
        self._check_permutations()
        scores, codes = self._scores_and_codes(X)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.scores_, self.codes_, self._seed = scores, codes, seed
        return self

    # The decorator checks the parameters, which may have been set after fit.
    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def test(self, X: Any) -> DriftResult:
        """Compare a batch with the reference.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            New rows, at least two.

        Returns
        -------
        result : DriftResult
            ``result.drift`` tells whether there is drift, ``result.p_value`` is that of the whole
            test, and ``result.tests`` is a DataFrame. Its rows are "score" (all scores), "codes"
            (all codes together), and "code0", "code1", ... (one code each), its columns `test`
            ("KS" or "MMD"), `statistic` (largest distance of the distribution functions, in
            [0, 1], or unbiased squared discrepancy, about zero without drift), `p_value`,
            `p_adjusted` (after Holm's correction) and `drift` (whether `p_adjusted` is at most
            `alpha`).

        Raises
        ------
        NotFittedError
            If :meth:`fit` was not called.
        ValueError
            As :meth:`fit`; also if the model gives another number of codes than for the
            reference, or batch and reference are too small for any difference to be significant
            at `alpha`.
        """
        check_is_fitted(self, "codes_")
        self._check_permutations()
        scores, codes = self._scores_and_codes(X)
        n_components = self.codes_.shape[1]
        if codes.shape[1] != n_components:
            raise ValueError(
                f"model gives {codes.shape[1]} codes, but gave {n_components} for the reference. "
                f"Call fit with held-out rows again after every change of the model."
            )
        self._check_number_of_rows(len(scores))
        rng = np.random.default_rng(self._seed)
        some_codes = self._some(self.codes_, rng), self._some(codes, rng)
        found = [
            ks_test(self.scores_, scores),
            mmd_test(*some_codes, self.n_permutations, rng),
            *map(ks_test, self.codes_.T, codes.T),
        ]
        weights = np.array([n_components, n_components, *[1] * n_components])
        tests = pd.DataFrame(
            {"test": ["KS", "MMD", *["KS"] * n_components]},
            index=["score", "codes", *(f"code{i}" for i in range(n_components))],
        )
        tests[["statistic", "p_value"]] = found
        tests["p_adjusted"] = holm(tests["p_value"].to_numpy(), weights)
        tests["drift"] = tests["p_adjusted"] <= self.alpha
        return DriftResult(bool(tests["drift"].any()), float(tests["p_adjusted"].min()), tests)

    def _scores_and_codes(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the model's scores and codes of rows, in float64."""
        check_is_fitted(
            self.model,
            msg="model is not fitted: this %(name)s must be, on other rows than the detector "
            "is. Call DriftDetector(model.fit(X_train)).fit(X_heldout).",
        )
        answers = self.model.score_samples(X), self.model.transform(X)
        # They may be tensors or DataFrames.
        scores, codes = (np.asarray(detached(one), dtype=np.float64) for one in answers)
        if codes.ndim != 2 or scores.shape != codes.shape[:1]:
            raise ValueError(
                f"model gives scores of shape {scores.shape} and codes of shape {codes.shape}, "
                f"expected (n_samples,) and (n_samples, n_components)."
            )
        if len(scores) < 2:
            raise ValueError(
                f"X has n_samples={len(scores)}, but a distribution needs at least 2 rows. "
                f"model.score_samples says whether a single row is ordinary."
            )
        # A score may be infinite: the likelihood of an impossible row.
        bad = np.isnan(scores) | ~np.isfinite(codes).all(axis=1)
        if bad.any():
            raise ValueError(
                f"model gives scores or codes that are no numbers for {bad.sum()} of "
                f"{len(bad)} rows, the first of them row {bad.argmax()}. Compare this row with "
                f"those that the model was fitted on."
            )
        return scores, codes

    def _some(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return `max_samples` of the rows, or all if there are no more."""
        if len(rows) <= self.max_samples:
            return rows
        return rows[rng.choice(len(rows), self.max_samples, replace=False)]

    def _check_permutations(self) -> None:
        n_needed = int(_N_QUESTIONS / self.alpha)
        if self.n_permutations < n_needed:
            raise ValueError(
                f"n_permutations={self.n_permutations} give no p-value below "
                f"{1 / (self.n_permutations + 1):.2g}, but Holm's correction needs one below "
                f"{self.alpha / _N_QUESTIONS:.2g} to find drift at alpha={self.alpha}. Use at "
                f"least n_permutations={n_needed}."
            )

    def _check_number_of_rows(self, n_samples: int) -> None:
        n_reference = len(self.scores_)
        smallest = 2 / comb(n_reference + n_samples, n_samples)
        if smallest * _N_QUESTIONS > self.alpha:
            raise ValueError(
                f"X has {n_samples} rows and the reference {n_reference}: even if all scores of "
                f"one were above those of the other, that would happen by chance with "
                f"probability {smallest:.2g}, too often for alpha={self.alpha}. Test more rows, "
                f"or fit on more."
            )

    # -- a fitted model as a parameter -------------------------------------------------

    def __sklearn_clone__(self) -> Self:
        params = self.get_params()
        model = params.pop("model")
        return type(self)(model, **deepcopy(params))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the detector, without those of its model.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: parameters of a fitted model are not to be changed.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        return super().get_params(deep=False)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the detector.

        Parameters
        ----------
        **params : dict
            Parameters of the detector, not of its model.

        Returns
        -------
        self : object
            The detector.

        Raises
        ------
        ValueError
            If there is no such parameter, or it is one of the model.
        """
        nested = [name for name in params if name.startswith("model__")]
        if nested:
            raise ValueError(
                f"{nested[0]} is a parameter of the model, which is fitted and stays as it is. "
                f"Fit another model, and set model."
            )
        return super().set_params(**params)

    def _check_consistency(self) -> None:
        n_codes = len(self.model.get_feature_names_out())
        if self.codes_.shape[1] != n_codes:
            raise ValueError(f"the model has codes of {n_codes} values, the reference has not")
