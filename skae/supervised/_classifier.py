"""The classifier."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from skae._compat import StrOptions, fit_context
from skae.engine import torch_defaults
from skae.estimators.base import ClassArray, as_before_on_error, fitted

from ._class_guesser import ClassGuesser
from ._labels import KnownLabels, read_classes
from ._scoring import rows_with_classes
from ._supervised_estimator import SupervisedEstimator


class AutoencoderClassifier(ClassifierMixin, SupervisedEstimator):
    """Classifier that also learns from rows without a label.

    One network reconstructs all rows and classifies those with a label: an autoencoder, and a head
    on its codes. Rows without a label are marked by -1 in `y`, as in
    :mod:`sklearn.semi_supervised`. They help in three ways: the autoencoder is fitted on them
    first, what the network says of them may not change if they move a little, and their labels are
    guessed from those of other rows.

    Parameters
    ----------
    loss : {"log_loss", "brier"}, default="log_loss"
        The loss of the labels: the cross-entropy in nats, or half the squared distance of predicted
        and given probabilities, which wrong labels mislead less.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn's classifiers. Guesses of labels that are missing
        take them into account.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without -1.
    transduction_ : ndarray of shape (n_samples,)
        The labels of the training rows: those given, and predicted ones in the place of -1. Without
        rows of `sample_weight` zero.

    See Also
    --------
    AutoencoderRegressor : The same for numbers.
    sklearn.semi_supervised.SelfTrainingClassifier : Labels of which any classifier is sure.
    sklearn.semi_supervised.LabelSpreading : Labels spread over a graph of the rows.

    Notes
    -----
    **Fine-tuning.** ``AutoencoderClassifier(autoencoder=fitted)`` starts at an autoencoder that was
    fitted before, on these rows or on others of the same columns, and trains it further with the
    head; `freeze` keeps its first layers, or all of them. The way in two steps,
    ``make_pipeline(fitted.encoder_, LogisticRegression())``, leaves the encoder as it is; it is
    faster, and as good where labels say little about how the codes should change.

    **Searches.** :meth:`score` leaves out rows without a label, so that a search works with -1 in
    `y`: ``GridSearchCV(AutoencoderClassifier(DenoisingAutoencoder()),
    {"autoencoder__n_components": [8, 32]})``. Parameters of the autoencoder can be set if one is
    given. Other scores need :func:`skae.supervised.score_labelled`: scikit-learn's own scorers
    count -1 as a class.

    **Variational autoencoders.** The head sees the means of the codes, and the evidence lower bound
    takes the place of the reconstruction loss. In training each class has a prior of codes, normal
    with unit variance around a mean that is learned (Dilokthanakul et al., 2016; Jiang et al.,
    2017). The bound of a row with a label has the prior of its class. That of a row without one
    sums over the classes, by the probabilities that the head gives them, and adds the divergence of
    these from the shares of the classes, so that the head also learns from how likely rows without
    a label are. That is the bound of the second model of Kingma et al. (2014), M2, for another
    model: there the decoder sees the class beside the codes, which say what is left of a row; here
    the class shapes the prior of the codes, which say all. ``freeze="encoder"`` and
    ``supervised_weight=1`` leave out the bound, and the priors with it.

    `autoencoder_` has one standard normal prior again, after a change of the scale of its codes:
    its `sample` and `score_samples` know no classes, and draws may fall between them. To generate
    rows of a class fit ``VariationalAutoencoder(conditional=True)``, whose decoder sees it as in
    M2. It is no `autoencoder` for a classifier, as its codes leave the class out.

    References
    ----------
    N. Dilokthanakul et al., 2016. Deep unsupervised clustering with Gaussian mixture variational
    autoencoders. arXiv:1611.02648.

    A. Iscen, G. Tolias, Y. Avrithis and O. Chum, 2019. Label propagation for deep semi-supervised
    learning. IEEE Conference on Computer Vision and Pattern Recognition.

    Z. Jiang, Y. Zheng, H. Tan, B. Tang and H. Zhou, 2017. Variational deep embedding: an
    unsupervised and generative approach to clustering. International Joint Conference on Artificial
    Intelligence.

    D. P. Kingma, D. J. Rezende, S. Mohamed and M. Welling, 2014. Semi-supervised learning with deep
    generative models. Advances in Neural Information Processing Systems 27.

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
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> some = np.where(np.arange(len(y)) < 100, y, -1)
    >>> classifier = AutoencoderClassifier(max_iter=5, n_propagations=1, random_state=0)
    >>> classifier.fit(X[:1000], some[:1000]).score(X[1000:], y[1000:]) > 0.85
    True
    >>> classifier.predict_proba(X[1000:1002]).shape
    (2, 10)
    """

    loss: Literal["log_loss", "brier"] = "log_loss"
    class_weight: Annotated[dict | str | None, dict, StrOptions({"balanced"}), None] = None

    classes_: ClassArray = fitted()
    transduction_: ClassArray = fitted()

    @fit_context(prefer_skip_nested_validation=False)
    @torch_defaults()
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows, of which some have labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Training rows, as the autoencoder takes them: tables of several types, with gaps, or
            images and windows.
        y : array-like of shape (n_samples,)
            Their classes, -1 for rows without a label. Text needs dtype object beside -1.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted classifier. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters or rows, labels that are missing in another way than by -1, all
            of them or all but one class, an autoencoder with ``conditional=True``, or more frozen
            layers than there are.

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
        self.classes_, labels = read_classes(y, self.class_weight, sample_weight)
        return labels

    def _strata(self, labels: KnownLabels) -> np.ndarray:
        return labels.answers.argmax(axis=1)

    @property
    def _n_answers(self) -> int:
        return len(self.classes_)

    def _check_consistency(self) -> None:
        super()._check_consistency()
        if len(self.classes_) < 2 or (self.classes_[1:] <= self.classes_[:-1]).any():
            raise ValueError("classes_ are not two or more in ascending order")
        if not np.isin(self.transduction_, self.classes_).all():
            raise ValueError("transduction_ holds labels that are not in classes_")

    def _guesser(self, rng: np.random.RandomState) -> ClassGuesser:
        return ClassGuesser(rng)

    def _transduce(self, answers: np.ndarray, labels: KnownLabels) -> None:
        likeliest = np.where(labels.known[:, None], labels.answers, answers).argmax(axis=1)
        self.transduction_ = self.classes_[likeliest]

    @torch_defaults()
    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Classes.
        """
        likeliest = self._answers(X, "predict").argmax(axis=1)
        return self.classes_[likeliest]

    @torch_defaults()
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return softmax(self._answers(X, "predict_proba"), axis=1)

    @torch_defaults()
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return log_softmax(self._answers(X, "predict_log_proba"), axis=1)

    @torch_defaults()
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes the logarithm of the odds of the second; of more, one logit for each.
        """
        logits = self._answers(X, "decision_function")
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy on rows that have a label.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their classes; rows of -1 do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        accuracy : float
            The share of rows whose class is predicted.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        X, y, sample_weight = rows_with_classes(X, y, sample_weight)
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
