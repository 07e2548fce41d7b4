"""Autoencoders whose decoder the class of a row steers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skae._batch import beside
from skae._compat import num_samples
from skae._typing import ArrayOf
from skae.engine import AutoencoderNet, TrainingRows, nearest_classes
from skae.networks import ConditionalAutoencoder
from skae.objectives import best_classes
from skae.tables import drop_weightless_rows, source_of

from ._base_autoencoder import BaseAutoencoder
from ._class_labels import ClassArray, class_indices, classes_of, label_column, labels_of_rows
from ._column_parameters import ColumnParameters
from ._declared_parameters import fitted
from ._fit_rows import FitRows


class ClassConditions(ColumnParameters, BaseAutoencoder):
    """Base of autoencoders that can be conditional on the class of a row.

    Parameters
    ----------
    conditional : bool, default=False
        Whether the classes in `y` steer the decoder, so that codes say what is left of a row when
        its class is known, and ``sample(n, y=3)`` generates rows of class 3. -1 marks rows without
        a class, which `fit` learns from, too. False ignores `y`, as a Pipeline needs it in which
        `y` is for a later step. In a search or `cross_validate` give a
        :class:`~sklearn.model_selection.StratifiedKFold` as `cv`: the folds of an estimator that
        is no classifier may lack a class. With words beside -1 give it the folds, as in
        ``cv=list(StratifiedKFold(5).split(X, y.astype(str)))``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, if `conditional`.
    """

    conditional: bool = False

    classes_: ClassArray = fitted(optional=True)
    # Shares of the classes in the rows of the first call that have one.
    _class_shares: Annotated[np.ndarray, ArrayOf("float", None)] = fitted(optional=True)

    # Indices of the classes that a caller gave to rows, -1 for none; only in copies that last as
    # long as the call.
    _given: ClassVar[Any] = None

    # -- training ---------------------------------------------------------------------

    @property
    def _n_classes(self) -> int:
        return len(getattr(self, "classes_", ()))

    def _pairs_of(self, X: Any, y: Any) -> Any:
        return y if self.conditional else super()._pairs_of(X, y)

    def _validated(self, X: Any, y: Any, sample_weight: Any, n_needed: int, reset: bool) -> FitRows:
        if not self.conditional:
            if reset:
                vars(self).pop("classes_", None)
                vars(self).pop("_class_shares", None)
            return super()._validated(X, y, sample_weight, n_needed, reset)
        if y is None:
            raise _needs_classes()
        rows = super()._validated(X, None, sample_weight, n_needed, reset)
        if not reset and not self._n_classes:
            # The first fit was not conditional: going on raises an error that says so.
            return rows
        n_rows = len(rows) if sample_weight is None else len(sample_weight)
        labels = labels_of_rows(label_column(y, warn=True), n_rows)
        labels, _ = drop_weightless_rows(labels, sample_weight, n_needed)
        if reset:
            self.classes_ = classes_of(labels)
        indices = class_indices(labels, self.classes_)
        if reset:
            known = indices >= 0
            weight = None if rows.weight is None else np.asarray(rows.weight)[known]
            totals = np.bincount(indices[known], weight, self._n_classes)
            self._class_shares = totals / totals.sum()
        return replace(rows, classes=indices)

    def _training_rows(self, rows: FitRows) -> TrainingRows:
        if not self.conditional:
            return super()._training_rows(rows)
        if rows.classes is None:
            raise _needs_classes()
        training, classes = super()._training_rows(rows), rows.classes
        if (classes < 0).any() and (classes >= 0).any():
            inputs = self.net_.module_.encoder_parts[0]
            classes = nearest_classes(training, inputs, classes)
        # Where a chunk has no class at all, rows are of all classes in equal shares.
        one_hot = np.eye(self._n_classes)[classes]
        one_hot[classes < 0] = 1 / self._n_classes
        return training.with_condition(one_hot)

    def _early_stopping(self) -> bool | str:
        # The weights that reconstruct held-out rows best are those whose codes still tell classes.
        chosen = super()._early_stopping()
        return False if self.conditional and chosen == "auto" else chosen

    def _make_net(self, *args: Any, **kwargs: Any) -> AutoencoderNet:
        net = super()._make_net(*args, **kwargs)
        # The start does not know classes yet; it cannot be compared with codes without them.
        net.can_go_back &= not self._n_classes
        return net

    # -- rows and codes of given classes ----------------------------------------------

    def inverse_transform(self, X: Any, y: Any = None) -> Any:
        """Decode codes back to rows.

        Parameters
        ----------
        X : {array-like, tensor} of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.
        y : array-like of shape (n_samples,) or a class, default=None
            The classes that they are decoded as; needed if, and only if, the fit was conditional.

        Returns
        -------
        X_original : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            Decoded rows in the unit of the training data, in the dtype of the codes; for
            ``loss="negative_binomial"`` and "multinomial" expected counts at the mean depth of the
            training rows. A DataFrame if `fit` saw one with columns of several types or with gaps,
            or if `set_output` asks for one.

        Raises
        ------
        ValueError
            If `X` has not `n_components_` columns, or `y` is not a class for each.
        """
        return super(ClassConditions, self._with_all_classes(X, y)).inverse_transform(X)

    def reconstruct(self, X: Any, y: Any = None, *, to: Any = None) -> Any:
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to reconstruct, or, without `y`, a table that is read part by part; see
            :meth:`fit`.
        y : array-like of shape (n_samples,) or a class, default=None
            The classes that they are decoded as, after a conditional fit. None, or -1 for a row,
            takes the class that gives the row back best.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned; not beside `y`.

        Returns
        -------
        X_reconstructed : {ndarray, tensor, DataFrame} of shape (n_samples, n_features)
            ``inverse_transform(transform(X), y)``; for ``loss="negative_binomial"`` and
            "multinomial" with the totals of the rows. A DataFrame if `fit` saw one with columns of
            several types or with gaps, or if `set_output` asks for one.
        """
        return super(ClassConditions, self._with_classes(X, y)).reconstruct(X)

    def score_samples(self, X: Any, y: Any = None, *, to: Any = None) -> Any:
        """Score rows by how well they are reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to score, or, without `y`, a table that is read part by part; see :meth:`fit`.
        y : array-like of shape (n_samples,) or a class, default=None
            Their classes, after a conditional fit; see :meth:`reconstruct`.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned; not beside `y`.

        Returns
        -------
        scores : {ndarray, tensor} of shape (n_samples,) and dtype float64
            Minus the reconstruction loss of each row, averaged over its features, in the
            unit of the data: minus the mean squared error for ``loss="squared_error"``, the
            log-likelihood over the number of features for "negative_binomial" and "multinomial".
            Higher is more ordinary.
        """
        return super(ClassConditions, self._with_classes(X, y)).score_samples(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Average the scores of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.
        y : array-like of shape (n_samples,), default=None
            Their classes, after a conditional fit. Ignored otherwise.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the average.

        Returns
        -------
        score : float
            Weighted mean of :meth:`score_samples`; higher is better.
        """
        check_is_fitted(self, "net_")
        classes = y if self._n_classes else None
        if source_of(X) is not None:
            return self._mean_score(self.score_samples(X, classes), sample_weight)
        return super(ClassConditions, self._with_classes(X, classes)).score(X, None, sample_weight)

    def sample(self, n_samples: int = 1, random_state: Any = None, *, y: Any = None) -> Any:
        """Generate rows like those of the training data.

        The estimator decodes codes that it draws from its prior, or, if it is variational and
        conditional, from a normal distribution like that of the codes of the class. A
        :class:`VariationalAutoencoder` draws categories by their probabilities; numbers are means.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Determines the rows. An int gives the same ones on every call.
        y : array-like of shape (n_samples,) or a class, default=None
            The classes of the rows, after a conditional fit. None draws them by their shares in the
            training rows.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows in the unit of the training data, in float64; images or windows if the first
            `fit` saw arrays of them. A DataFrame if `fit` saw one with columns of several types or
            with gaps, or if `set_output` asks for one.

        Raises
        ------
        TypeError, ValueError
            If `n_samples` is not an integer of at least 1, or `y` is not a class for each row.
        """
        check_is_fitted(self, "net_")
        if not self._n_classes or not isinstance(n_samples, int | np.integer) or n_samples < 1:
            self._refuse_classes(y)
            return super().sample(n_samples, random_state)
        rng = check_random_state(random_state)
        # Drawn in any case: the codes of all classes come from the same random numbers.
        drawn = self.classes_[rng.choice(self._n_classes, n_samples, p=self._class_shares)]
        given = self._with_all_classes(drawn, drawn if y is None else y)
        return super(ClassConditions, given).sample(n_samples, rng)

    def _with_classes(self, X: Any, y: Any) -> Self:
        """Return this estimator for a call in which rows have these classes."""
        check_is_fitted(self, "net_")
        if not self._n_classes:
            self._refuse_classes(y)
        if y is None or not self._n_classes:
            return self
        return self._of(class_indices(labels_of_rows(y, num_samples(X)), self.classes_))

    def _with_all_classes(self, X: Any, y: Any) -> Self:
        """Return the same, if each row has a class."""
        given = self._with_classes(X, y)
        if self._n_classes and (y is None or (given._given < 0).any()):
            raise ValueError(
                f"A conditional {type(self).__name__} decodes codes as rows of a class: give y, "
                f"one of classes_={self.classes_.tolist()} for each code."
            )
        return given

    def _refuse_classes(self, y: Any) -> None:
        if y is not None and not self._n_classes:
            raise ValueError(
                "y says what class rows are decoded as, but this fit was not conditional. Set "
                "conditional=True and call fit with the classes in y."
            )

    def _of(self, given: Any) -> Self:
        one: Any = self._snapshot()
        one.__dict__["_given"] = given
        return one

    # -- rows and codes that are validated already ------------------------------------

    def _by_class(self, function: Callable[[Any, Any], Tensor], X: Any) -> Tensor:
        """Return ``function(estimator, X)``, for the rows of each given class by themselves."""
        given = self._given
        if not isinstance(given, np.ndarray):
            return function(self, X)
        answers: Any = None
        for one in np.unique(given):
            places = np.flatnonzero(given == one)
            answer = function(self._of(None if one < 0 else int(one)), X[places])
            if answers is None:
                answers = answer.new_empty(len(given), *answer.shape[1:])
            answers[torch.from_numpy(places).to(answers.device)] = answer
        return answers

    def _decode_codes(self, codes: Any) -> Tensor:
        return self._by_class(lambda one, z: super()._decode_codes(z), codes)

    def _reconstruct_rows(self, X: Any) -> Tensor:
        return self._by_class(lambda one, x: super()._reconstruct_rows(x), X)

    def _score_rows(self, X: Any, target: Any = None) -> Tensor:
        return self._by_class(lambda one, x: super()._score_rows(x), X)

    def _decode(self, codes: Tensor) -> Tensor:
        if self._given is None:
            return super()._decode(codes)
        return self._module.of_class(self._given).decode(codes)

    def _there_and_back(self, x: Tensor) -> Tensor:
        if not self._n_classes or self._given is not None:
            return super()._there_and_back(x)
        codes, losses = self._encode(x), self.net_.criterion_.row_losses
        best = best_classes(self._decode, codes, self._n_classes, lambda output: losses(output, x))
        return self._decode(beside(codes, best))

    def _over_classes(self, bound: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return a bound of the log-likelihood of rows of the given class, or of any of them."""
        if not self._n_classes:
            return bound
        if self._given is not None:
            return lambda objective, module, *rest: bound(
                objective, module.of_class(self._given), *rest
            )
        with np.errstate(divide="ignore"):
            log_shares = torch.from_numpy(np.log(self._class_shares))

        def of_any_class(objective: Any, module: Any, *rest: Any) -> Tensor:
            places = range(self._n_classes)
            each = torch.stack([bound(objective, module.of_class(i), *rest) for i in places])
            return (each + log_shares.to(each)[:, None]).logsumexp(dim=0)

        return of_any_class

    @property
    def _module(self) -> ConditionalAutoencoder:
        return self.net_.module_


def has_classes(estimator: Any) -> bool:
    """Return whether the decoder of a fitted autoencoder, or of a half of one, sees classes."""
    return getattr(getattr(estimator, "autoencoder", estimator), "_n_classes", 0) > 0


def _needs_classes() -> ValueError:
    return ValueError(
        "conditional=True requires y to be passed, but the target y is None: give the class of "
        "each row, and -1 for rows without one. An iterator of chunks has none: call partial_fit "
        "for each chunk with its y. What trains without classes, such as an outlier detector, "
        "needs conditional=False."
    )
