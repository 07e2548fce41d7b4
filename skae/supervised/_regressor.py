"""The regressor."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from skae._compat import fit_context
from skae._typing import ArrayOf
from skae.engine import torch_defaults
from skae.estimators.base import as_before_on_error, fitted

from ._labels import KnownLabels, NumberScale, read_numbers
from ._number_guesser import NumberGuesser
from ._scoring import rows_with_numbers
from ._supervised_estimator import SupervisedEstimator


class AutoencoderRegressor(RegressorMixin, SupervisedEstimator):
    """Regressor that also learns from rows without a label.

    One network reconstructs all rows and predicts the numbers of those with a label: an
    autoencoder, and a head on its codes. Rows without a label are NaN in `y`. They help as
    :class:`AutoencoderClassifier` says.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber"}, default="squared_error"
        The loss of the labels, in units of their standard deviation. "huber" is half the squared
        error up to one of these, and grows linearly beyond.

    Attributes
    ----------
    transduction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The numbers of the training rows: those given, and predicted ones in the place of NaN.
        Without rows of `sample_weight` zero.

    See Also
    --------
    AutoencoderClassifier : The same for classes, with notes on fine-tuning and on searches.

    Notes
    -----
    `y` may have several columns. Predictions are a mean of the numbers plus what the head says, so
    that the units of the columns do not matter.

    References
    ----------
    A. Iscen, G. Tolias, Y. Avrithis and O. Chum, 2019. Label propagation for deep semi-supervised
    learning. IEEE Conference on Computer Vision and Pattern Recognition.

    P. J. Huber, 1964. Robust estimation of a location parameter. Annals of Mathematical Statistics
    35.

    T. Miyato, S. Maeda, M. Koyama and S. Ishii, 2018. Virtual adversarial training: a
    regularization method for supervised and semi-supervised learning. IEEE Transactions on Pattern
    Analysis and Machine Intelligence 41.

    C. K. I. Williams and M. Seeger, 2001. Using the Nystroem method to speed up kernel machines.
    Advances in Neural Information Processing Systems 13.

    D. Zhou, O. Bousquet, T. N. Lal, J. Weston and B. Schoelkopf, 2004. Learning with local and
    global consistency. Advances in Neural Information Processing Systems 16.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from skae import AutoencoderRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> some = np.where(np.arange(len(y)) < 100, y, np.nan)
    >>> regressor = AutoencoderRegressor(max_iter=10, random_state=0).fit(X[:350], some[:350])
    >>> regressor.score(X[350:], y[350:]) > 0.3
    True
    """

    loss: Literal["squared_error", "absolute_error", "huber"] = "squared_error"

    transduction_: (
        Annotated[np.ndarray, ArrayOf("float", None)]
        | Annotated[np.ndarray, ArrayOf("float", None, None)]
    ) = fitted()
    _scale: NumberScale = fitted()

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows, of which some have labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Training rows, as the autoencoder takes them: tables of several types, with gaps, or
            images and windows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their numbers, NaN for rows without a label.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted regressor. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters or rows, infinite labels, none at all, rows with some of several
            numbers, an autoencoder with ``conditional=True``, or more frozen layers than there are.

        Warns
        -----
        UserWarning
            If training is interrupted from the keyboard.
        ConvergenceWarning
            As the autoencoder warns.
        """
        with as_before_on_error(self):
            self._fit(X, y, sample_weight)
        return self

    def _read_labels(self, y: Any, sample_weight: np.ndarray | None) -> KnownLabels:
        # `_transduce` fills in the numbers that are missing.
        self._scale, labels, self.transduction_ = read_numbers(y, sample_weight)
        return labels

    def _strata(self, labels: KnownLabels) -> np.ndarray:
        return np.zeros(len(labels.known))

    @property
    def _n_answers(self) -> int:
        return len(self._scale.mean)

    def _check_consistency(self) -> None:
        super()._check_consistency()
        if not (self._scale.deviation > 0).all():
            raise ValueError("standard deviations of the numbers are not above zero")
        shape = self.transduction_.shape[1:]
        if shape != (() if self._scale.is_flat else (self._n_answers,)):
            raise ValueError(f"transduction_ has rows of shape {shape}, unlike the predictions")

    def _guesser(self, rng: np.random.RandomState) -> NumberGuesser:
        return NumberGuesser(rng)

    def _transduce(self, answers: np.ndarray, labels: KnownLabels) -> None:
        given, predicted = self.transduction_, self._in_data_units(answers)
        self.transduction_ = np.where(np.isnan(given), predicted, given)

    def _in_data_units(self, answers: np.ndarray) -> np.ndarray:
        numbers = answers * self._scale.deviation + self._scale.mean
        return numbers[:, 0] if self._scale.is_flat else numbers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @torch_defaults()
    def predict(self, X: Any) -> np.ndarray:
        """Return the expected numbers of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Numbers, in the unit of `y`.
        """
        return self._in_data_units(self._answers(X, "predict"))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination on rows that have a label.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their numbers; rows of NaN do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        r2 : float
            The share of the variance that is predicted, the mean over several numbers.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        X, y, sample_weight = rows_with_numbers(X, y, sample_weight)
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))
