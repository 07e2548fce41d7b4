"""The base class of the classifier and the regressor."""

from dataclasses import field
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import (
    ClassNamePrefixFeaturesOutMixin,
    Interval,
    StrOptions,
    TransformerMixin,
    num_samples,
    safe_indexing,
)
from skae._typing import AnyFloat, ArrayOf
from skae._warnings import warn_caller
from skae.engine import refuse_several_ranks, torch_defaults
from skae.estimators._denoising import DenoisingAutoencoder
from skae.estimators.base import (
    POSITIVE_INT,
    BaseAutoencoder,
    DeclaredParameters,
    LayerSizes,
    NonNegative,
    ParameterErrorsMixin,
    Positive,
    PositiveInt,
    RandomState,
    fitted,
    warn_of_ignored_device,
)
from skae.networks import ActivationName
from skae.tables import as_set_output, check_kind, check_names, detached, validate_weight

from ._default_autoencoder import default_autoencoder
from ._fitted_head import FittedHead
from ._guesser import Guesser
from ._held_out_labels import held_out_labels
from ._joint_training import FittedRows, answer, encode
from ._labels import KnownLabels
from ._rounds import Trained, train_in_rounds


class SupervisedEstimator(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DeclaredParameters,
    ParameterErrorsMixin,
):
    """Base class of the classifier and the regressor.

    Parameters
    ----------
    autoencoder : estimator or None, default=None
        The autoencoder whose encoder learns the labels, of any variant and network, but without
        ``conditional=True``. One that is not fitted is copied and fitted on all rows first, with
        labels or without. One that is fitted is where training starts, and stays as it is; `clone`,
        and with it a grid search, forgets that it is fitted, unless it is wrapped in a
        :class:`~sklearn.frozen.FrozenEstimator`. None is a :class:`DenoisingAutoencoder` of 32
        components, or as many as there are columns if these are fewer. It has convolutions if the
        rows are images: arrays of shape (n_samples, height, width) or (n_samples, height, width,
        n_channels).
    hidden_layer_sizes : tuple of int, default=()
        Widths of the dense layers of the head, from the codes to the answers, beside a linear path.
        ``()`` is a linear head.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers of the head.
    dropout : float, default=0.0
        Probability with which an input of each layer of the head is dropped in training, in [0, 1).
    freeze : int, "encoder" or None, default=None
        The part of the encoder that training with labels leaves as it is. An int is a number of its
        first layers, "encoder" is all of it, so that the head alone is trained, and None is
        nothing.
    supervised_weight : float, default=0.5
        Share of the loss of the labels in the objective, in (0, 1]. The other share is that of the
        autoencoder's own objective. 1 leaves that out: the decoder then no longer fits the codes.
        Where labels are guessed and guesses explain little, labels count less beside the own
        objective, down to a twentieth: a few labels would undo what was learned without them.
    consistency : float, default=1.0
        Weight, relative to the loss of the labels, of the virtual adversarial loss (Miyato et al.,
        2018): how far the answer to a row may change when the row moves by `consistency_radius`. It
        needs no labels. Changes of numbers count as squares up to a standard deviation and linearly
        beyond (Huber, 1964), so that extreme rows do not outweigh the others. 0 switches it off.
    consistency_radius : float, default=0.4
        How far rows are moved, as a share of the median distance between a row and its nearest
        neighbour, so that it does not depend on the unit or the number of columns.
    n_propagations : int, default=2
        How often labels are guessed, where at least half of the rows have none: each time from the
        codes that the training before has made. Guesses come from labels that spread over a graph
        of neighbours (Zhou et al., 2004; Iscen et al., 2019), from a linear model, and from a
        kernel model (Williams and Seeger, 2001), each of which is believed as far as it is right
        about held-out labels; those of numbers from a linear model of the rows as well. Training
        takes classes as labels that count half, and less if they are unsure, and numbers as labels.
        Where guesses explain little, all count alike and the first ones stay: they keep the network
        from learning the few labels by heart. 0 guesses nothing.
    learning_rate_init : float, default=2e-3
        The highest rate of the "one_cycle" schedule of AdamW.
    batch_size : int or "auto", default="auto"
        Rows without a label in a batch. Up to twice as many with a label join them, at most 128.
        "auto" chooses as the autoencoders do.
    max_iter : int or None, default=None
        Epochs of each training with labels. None is 10, or as many as make 300 to 1,500 steps: more
        would learn wrong guesses by heart.
    early_stopping : bool or "auto", default="auto"
        Whether to hold out `validation_fraction` of the labelled rows, and to keep the weights
        whose loss of these is best. "auto" does so if that makes at least 50 rows.
    validation_fraction : float, default=0.1
        Share of the labelled rows that are held out, in (0, 1).
    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops, if rows are held out.
    random_state : int, RandomState instance or None, default=None
        Determines all that is random. Pass an int for the same result every time.
    device : str or torch.device, default="cpu"
        Device of the default autoencoder; one that is given has its own.
    verbose : int, default=0
        1 shows a progress bar for each training, on a terminal or in a notebook with ipywidgets.

    Attributes
    ----------
    autoencoder_ : estimator
        The trained autoencoder. Its codes are what the head sees.
    n_iter_ : int
        Epochs of the last training with labels.
    loss_curve_ : list of float
        Its objective in each epoch.
    validation_loss_curve_ : list of float or None
        The loss of the held-out labels after each epoch; None if none are held out.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.
    """

    autoencoder: BaseAutoencoder | FrozenEstimator | None = field(default=None, kw_only=False)
    hidden_layer_sizes: LayerSizes = ()
    activation: ActivationName = "silu"
    dropout: Annotated[float, Interval(Real, 0, 1, closed="left")] = 0.0
    freeze: Annotated[
        int | str | None, StrOptions({"encoder"}), Interval(Integral, 0, None, closed="left"), None
    ] = None
    supervised_weight: Annotated[float, Interval(Real, 0, 1, closed="right")] = 0.5
    consistency: NonNegative = 1.0
    consistency_radius: NonNegative = 0.4
    n_propagations: Annotated[int, Interval(Integral, 0, None, closed="left")] = 2
    learning_rate_init: Positive = 2e-3
    batch_size: Annotated[int | str, StrOptions({"auto"}), POSITIVE_INT] = "auto"
    max_iter: PositiveInt | None = None
    early_stopping: bool | Literal["auto"] = "auto"
    validation_fraction: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.1
    n_iter_no_change: PositiveInt = 10
    random_state: RandomState = None
    device: str | torch.device = "cpu"
    verbose: Annotated[int | bool, "verbose"] = 0

    n_features_in_: int = fitted()
    feature_names_in_: Annotated[np.ndarray, ArrayOf("str", "n_features_in_")] = fitted(
        optional=True
    )
    autoencoder_: BaseAutoencoder = fitted()
    n_iter_: int = fitted()
    loss_curve_: list[AnyFloat] = fitted()
    validation_loss_curve_: list[AnyFloat] | None = fitted()
    _head: FittedHead = fitted()

    # -- a classifier and a regressor define these ------------------------------------

    def _read_labels(self, y: Any, sample_weight: np.ndarray | None) -> KnownLabels:
        """Set the classes, or the scale of the numbers; return the labels."""
        raise NotImplementedError

    def _transduce(self, answers: np.ndarray, labels: KnownLabels) -> None:
        """Set the labels of the training rows, given the answers of the head to them."""
        raise NotImplementedError

    def _strata(self, labels: KnownLabels) -> np.ndarray:
        """Return a number for each row; of each number the same share is held out."""
        raise NotImplementedError

    @property
    def _n_answers(self) -> int:
        """How many logits or numbers the head answers."""
        raise NotImplementedError

    def _guesser(self, rng: np.random.RandomState) -> Guesser:
        """Return what guesses the labels that are missing."""
        raise NotImplementedError

    # -- training ---------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Train on rows, some of which have labels."""
        refuse_several_ranks(type(self).__name__)
        if isinstance(self.freeze, bool):
            raise ValueError(
                f"freeze={self.freeze} is no number of layers. Use freeze='encoder' to keep all of "
                f"the encoder, or freeze=None to train all of it."
            )
        X = self._checked(X, reset=True)
        if y is not None:
            check_consistent_length(X, y)
        X, y, weight = _counted(X, y, sample_weight)
        labels = self._read_labels(y, weight)
        rng = check_random_state(self.random_state)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        fitted_rows = FittedRows.of(self._autoencoder_to_train(X, seed), X, weight, self.freeze)
        held_out = held_out_labels(labels, self._strata(labels), self, rng)
        trained = train_in_rounds(fitted_rows, labels, held_out, self, self._guesser(rng), rng)
        self._keep(trained)
        self._transduce(fitted_rows.answers(self.autoencoder_, self._head), labels)

    def _checked(self, X: Any, reset: bool) -> Any:
        """Return rows whose names and number of columns are those of `fit`, or become them."""
        X = detached(X)
        check_kind(X)
        check_names(X)
        if len(getattr(X, "shape", (0, 0))) == 2:
            validate_data(self, X, reset=reset, skip_check_array=True)
        elif reset:
            # Images have no names of columns.
            vars(self).pop("feature_names_in_", None)
        return X

    def _autoencoder_to_train(self, X: Any, seed: int) -> BaseAutoencoder:
        """Return a fitted autoencoder as it is, or an unfitted one that may be fitted."""
        given = self.autoencoder
        if given is None:
            return default_autoencoder(X, self.device).set_params(random_state=seed)
        if isinstance(given, FrozenEstimator):
            given = given.estimator
            if not hasattr(given, "net_"):
                raise ValueError(
                    f"autoencoder is a FrozenEstimator around {given!r:.200}, expected a fitted "
                    f"autoencoder in it. Fit that before, or give it without a FrozenEstimator."
                )
        warn_of_ignored_device(self.device, given)
        if hasattr(given, "net_"):
            return given
        copied = clone(given)
        if copied.random_state is None:
            copied.set_params(random_state=seed)
        return copied

    def _keep(self, trained: Trained) -> None:
        """Set the fitted attributes."""
        net = trained.net
        self.autoencoder_ = trained.autoencoder
        self._head = FittedHead.of(trained.head, self.activation)
        self.n_features_in_ = self.autoencoder_.n_features_in_
        self.n_iter_ = len(net.history)
        self.loss_curve_ = net.history[:, "train_loss"]
        judged = bool(net.history) and "valid_loss" in net.history[0]
        self.validation_loss_curve_ = net.history[:, "valid_loss"] if judged else None
        if net.interrupted_:
            warn_caller(
                f"Training was interrupted after {self.n_iter_} epochs; the best weights so far "
                f"are kept."
            )

    # -- codes and answers ------------------------------------------------------------

    @torch_defaults()
    def transform(self, X: Any) -> np.ndarray:
        """Encode rows by the encoder that has learned from the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, as :meth:`transform` of the autoencoder gives them.
        """
        check_is_fitted(self, "autoencoder_")
        return encode(self.autoencoder_, self._checked(X, reset=False), "transform")

    @torch_defaults()
    def inverse_transform(self, X: Any) -> Any:
        """Decode codes back to rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : {ndarray, DataFrame} of shape (n_samples, n_features)
            Decoded rows; a DataFrame if `set_output` asks for one.
        """
        check_is_fitted(self, "autoencoder_")
        return as_set_output(self, self.autoencoder_.inverse_transform(X), X)

    @torch_defaults()
    def reconstruct(self, X: Any) -> Any:
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : {ndarray, DataFrame} of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``; a DataFrame if `set_output` asks for one.
        """
        check_is_fitted(self, "autoencoder_")
        return as_set_output(self, self.autoencoder_.reconstruct(self._checked(X, reset=False)), X)

    @property
    def _n_features_out(self) -> int:
        return self.autoencoder_.n_components_

    def _check_consistency(self) -> None:
        """Raise a ValueError for fitted attributes, from a file, that do not fit together."""
        found = self._head.n_codes, self._head.n_answers
        expected = self.autoencoder_.n_components_, self._n_answers
        if found != expected:
            raise ValueError(
                f"the head maps {found[0]} codes to {found[1]} answers, expected {expected[0]} and "
                f"{expected[1]}"
            )
        if self.autoencoder_.n_features_in_ != self.n_features_in_:
            raise ValueError("autoencoder_ is of rows of another width than n_features_in_")

    def _answers(self, X: Any, method: str) -> np.ndarray:
        """Return the answers of the head to rows, of shape (n_samples, n_answers)."""
        check_is_fitted(self, "autoencoder_")
        return answer(self.autoencoder_, self._head, self._checked(X, reset=False), method)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given = getattr(self.autoencoder, "estimator", self.autoencoder)
        # Others are refused in fit.
        is_known = isinstance(given, BaseAutoencoder)
        of_autoencoder = get_tags(given if is_known else DenoisingAutoencoder())
        tags.input_tags = of_autoencoder.input_tags
        tags.transformer_tags.preserves_dtype = of_autoencoder.transformer_tags.preserves_dtype
        return tags


def _counted(X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, np.ndarray | None]:
    """Return the rows of a weight above zero, with their labels and weights."""
    if sample_weight is None:
        return X, y, None
    weight = validate_weight(sample_weight, np.empty(num_samples(X)))
    counted = np.flatnonzero(weight)
    if len(counted) == len(weight):
        return X, y, weight
    if len(counted) == 0:
        raise ValueError("sample_weight is zero for all rows, which leaves none to learn from.")
    y = None if y is None else safe_indexing(detached(y), counted)
    return safe_indexing(X, counted), y, weight[counted]
