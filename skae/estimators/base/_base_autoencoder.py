"""What every autoencoder of the package has in common."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Annotated, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skae._compat import fit_context
from skae._typing import AnyFloat, ArrayOf
from skae.engine import AutoencoderNet, resolve_device, to_gpu, torch_defaults, train_together
from skae.networks import Network
from skae.objectives import LOSSES
from skae.tables import (
    SelectedRows,
    fit_scaling,
    is_memory_mapped,
    principal_components,
    validate_rows,
    validate_weight,
)

from ._callback_params import CallbackParamsMixin
from ._estimator import estimator, fitted
from ._fitted_network import FittedNetworkMixin
from ._ignored import warn_of_ignored_parameters, warn_of_ignored_target
from ._link_start import start_below_the_means
from ._net_maker import NetMakerMixin
from ._parameter_errors import ParameterErrorsMixin
from ._parameters import AutoencoderParameters, Positive
from ._pca_start import start_at_pca
from ._trainer import TrainerMixin
from ._training import (
    check_range,
    resolve_batch_size,
    split_rows,
    until_interrupted,
)
from ._unequal_columns import warn_of_unequal_columns

OfCodes = Annotated[np.ndarray, ArrayOf("float", "n_components_")]
CodeSample = tuple[
    Annotated[Any, ArrayOf("float", "n_codes", "n_components_")],
    Annotated[Any, ArrayOf("float", "n_codes")],
]
Mixture = tuple[
    Annotated[np.ndarray, ArrayOf("float", "n_kinds")],
    Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_")],
    Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_", "n_components_")]
    | Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_")],
]


@estimator
class BaseAutoencoder(
    AutoencoderParameters,
    CallbackParamsMixin,
    ParameterErrorsMixin,
    NetMakerMixin,
    TrainerMixin,
    FittedNetworkMixin,
    BaseEstimator,
):
    """Base class of autoencoders: validates rows and sets up what training starts from.

    `NetMakerMixin` builds the net, `TrainerMixin` trains it, `FittedNetworkMixin` applies it.

    A variant's ``__init__`` stores its own parameters and hands on the others. What it does in
    another way it overrides: `_check_parameters` (which of them go together), `_learn_from`
    (what it needs to know of the rows before training), `_make_latent` (what a code is),
    `_start_at_pca` (what PCA means for it), `_make_corruption` (what it does to a batch),
    `_make_objective` (what training minimises), `_describe_fit` (what else to say of the
    trained network), `_draw_codes` (what its codes are drawn from).

    Attributes
    ----------
    n_components_ : int
        Width of the code.
    mean_ : {ndarray, tensor} of shape (n_features,)
        What is subtracted from the rows.
    scale_ : float
        What they are divided by afterwards.
    network_ : Network
        Description of the network that was trained.
    has_linear_path_ : bool
        Whether encoder and decoder have a linear path beside the deep one.
    net_ : skorch.NeuralNet
        The trained net: ``net_.module_`` is the torch module, ``net_.history`` what
        happened in each epoch, in the unit of the scaled data. Its own ``predict`` knows
        nothing of scaling; use the estimator's methods.
    n_iter_ : int
        Epochs that were run since the last cold start.
    loss_ : float
        The objective over all training rows with the weights that were kept, in the unit
        of the data.
    loss_curve_ : list of float
        Its mean over the training rows during each epoch.
    validation_loss_curve_ : list of float or None
        That of the held-out rows after each epoch; None if no rows were held out.
    best_validation_loss_ : float or None
        That of the weights that were kept, the start included. None if the last call held
        no rows out.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.
    """

    n_features_in_: int = fitted()
    n_components_: int = fitted()
    network_: Network = fitted()
    has_linear_path_: bool = fitted()
    mean_: Annotated[Any, ArrayOf("float", "n_features_in_")] = fitted()
    scale_: Positive = fitted()
    net_: AutoencoderNet = fitted()
    loss_: AnyFloat = fitted()
    loss_curve_: list[AnyFloat] = fitted()
    validation_loss_curve_: list[AnyFloat] | None = fitted()
    best_validation_loss_: AnyFloat | None = fitted()
    n_iter_: int = fitted()
    # The shape of a row in arrays of more than two dimensions, and the parameters of the fit.
    _row_shape: tuple[int, ...] | None = fitted()
    _fitted_params: dict[str, Any] = fitted()
    # Weight, mean and variance of the codes of the training rows; some of these codes and their
    # weights; the mixture that is fitted on them: weights, means, roots of covariances.
    _code_moments: tuple[Positive, OfCodes, OfCodes] = fitted()
    _some_codes: CodeSample | None = fitted()
    _mixture: Mixture | None = fitted()

    # Parameters of a variant without which it would be another one: training cannot continue
    # with others.
    _fixed_parameters = ()

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    @torch_defaults()
    def fit(self, X, y=None, sample_weight=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows. float32 and float64 are kept, other types become float64. A sparse
            matrix never becomes dense as a whole, and an array that is mapped from a file
            (``numpy.load(file, mmap_mode="r")``) is read batch by batch. Images and windows may
            come as arrays of three or four dimensions where the `network` takes them.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            For invalid parameters or data, or if the loss becomes infinite or NaN.

        Warns
        -----
        UserWarning
            If training is interrupted from the keyboard; the best weights so far stay. If `y`
            seems to hold what rows are to be reconstructed as, or parameters of the dense network
            are set beside another `network`: both are ignored. If the standard deviations of
            columns differ a thousandfold.
        ConvergenceWarning
            If `max_iter` ends training under a schedule that is not planned to its end, or the
            fit ends above the error of the column means.
        """
        warn_of_ignored_target(X, y)
        warn_of_ignored_parameters(self)
        with self._as_before_on_error():
            train_together([self._fitting(X, sample_weight)])
        return self

    def _fitting(self, X, sample_weight, n_together=1):
        """Do what `fit` does, but for the steps of training; see `AutoencoderNet.training`.

        `n_together` is the number of estimators that are fitted together.
        """
        continued = self.warm_start and hasattr(self, "net_")
        X, sample_weight, container = self._validate_rows(X, sample_weight, 2, reset=not continued)
        X = to_gpu(X, self._device(continued))
        rng = check_random_state(self.random_state)
        hold_out = self._early_stopping()
        train, valid = split_rows(X.shape[0], hold_out, self.validation_fraction, rng)
        n_train = X.shape[0] if train is None else len(train)
        batch_size = self._batch_size(n_train)
        if continued:
            self._renew_net()
        else:
            self._start(X, sample_weight, container, batch_size >= X.shape[0], rng)
        self.net_.set_params(batch_size=batch_size)
        return (
            yield from self._training(
                X, sample_weight, train, valid, from_scratch=not continued, n_together=n_together
            )
        )

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one pass over these rows, from where training stands.

        The first call fixes the scaling, the number of components and the start from its
        rows (of an iterator, from its first chunk), so these should be a fair sample. The
        learning rate is constant, and no rows are held out.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features) or Iterator
            The next rows, or an iterator (a generator, for example) over chunks of them,
            which are trained on one after the other: only one of them is in memory.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; not for an iterator.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, at whatever chunk, it stays as it was.

        Raises
        ------
        ValueError
            As :meth:`fit`; for an iterator also if it is empty, or comes with weights. If a
            callback looks at held-out rows.
        """
        chunks = X if isinstance(X, Iterator) else [X]
        if chunks is X and sample_weight is not None:
            raise ValueError(
                "sample_weight cannot be given for an iterator of chunks. Call partial_fit for "
                "each chunk with its own sample_weight."
            )
        warn_of_ignored_target(X, y)
        if not hasattr(self, "net_"):
            warn_of_ignored_parameters(self)
        empty = True
        with self._as_before_on_error():
            for chunk in until_interrupted(chunks):
                self._partial_fit(chunk, sample_weight, follows=not empty)
                empty = False
                # The next chunk is made before this name is given to it.
                del chunk
                if self.net_.interrupted_:
                    break
            if empty:
                raise ValueError("X is an iterator without a single chunk, expected one at least.")
        return self

    @torch_defaults()
    def _partial_fit(self, X, sample_weight, follows):
        """Train on a chunk; `follows` says that the net is one that this call has made."""
        continued = hasattr(self, "net_")
        self._check_no_held_out_need()
        X, sample_weight, container = self._validate_rows(
            X, sample_weight, 1 if continued else 2, reset=not continued
        )
        X = to_gpu(X, self._device(continued))
        if not continued:
            rng = check_random_state(self.random_state)
            self._start(X, sample_weight, container, False, rng)
        elif not follows:
            self._renew_net(keep_optimizer=True)
        params = self._net_params() | {"learning_rate": "constant"}
        self.net_.set_params(**params, batch_size=self._batch_size(X.shape[0]))
        train_together([self._training(X, sample_weight, epochs=1)])

    @contextmanager
    def _as_before_on_error(self):
        """Leave the estimator as it was if fitting fails: training goes on in a copy."""
        before = self.__dict__.copy()
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _validate_rows(self, X, sample_weight, n_needed, reset):
        """Return the rows that count, their weights, of mean one, or None, and the container."""
        self._check_parameters(continued=not reset)
        method = "fit" if reset else "partial_fit"
        X, container = validate_rows(self, X, method, reset=reset, ensure_min_samples=n_needed)
        check_range(X, LOSSES[self.loss])
        if sample_weight is None:
            return X, None, container
        sample_weight = validate_weight(sample_weight, X)
        # Dividing by the largest first keeps the sum of extreme weights in range.
        sample_weight = sample_weight / sample_weight.max()
        counted = sample_weight > 0
        if counted.sum() < n_needed:
            raise ValueError(
                f"sample_weight leaves only 1 sample with a weight above zero, while a minimum "
                f"of {n_needed} is required."
            )
        if not counted.all():
            mapped = is_memory_mapped(X)
            X = SelectedRows(X, np.flatnonzero(counted)) if mapped else X[counted]
            sample_weight = sample_weight[counted]
        return X, sample_weight / sample_weight.mean(), container

    def _batch_size(self, n_samples):
        batch_size = resolve_batch_size(self.batch_size, n_samples)
        by_batch = getattr(self._make_network(), "normalization", None) == "batch"
        if batch_size < 2 and by_batch:
            raise ValueError(
                f"normalization='batch' needs batches of at least 2 rows, but "
                f"batch_size={self.batch_size} makes batches of {batch_size} of n_samples="
                f"{n_samples}. Use larger batches, or another normalization."
            )
        return batch_size

    def _start(self, X, sample_weight, container, full_batch, rng):
        """Set everything that must stand before the first step of training."""
        device = resolve_device(self.device)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        loss = LOSSES[self.loss]
        self._remember_params()
        self._row_shape = container.row_shape
        self.network_ = self._network_of_fit()
        mean, self.scale_, deviations = fit_scaling(X, sample_weight, loss)
        self.mean_ = container.close(mean)
        if loss.centered and self._row_shape is None:
            names = getattr(self, "feature_names_in_", None)
            warn_of_unequal_columns(X, deviations, names)
        # Where an epoch is one batch, double precision costs next to nothing, and a fit
        # with weights then equals a fit with repeated rows to the last digits.
        rows = self._scaled(X, loss.limits)
        self._learn_from(X, container)
        exact = full_batch and rows.dtype == torch.float64 and device.type == "cpu"
        exact = exact and self.precision != "bfloat16"
        pca = None
        if self.init == "pca" or not isinstance(self.n_components, Integral | str):
            wanted = self._n_components_wanted(len(rows))
            pca = principal_components(rows, sample_weight, wanted, rng)
        self.n_components_ = self._n_components_wanted(len(rows))
        if not isinstance(self.n_components_, Integral):
            self.n_components_ = max(1, len(pca.components))
        self.has_linear_path_ = self.init == "pca"
        module = self._build_module(seed)
        if self.has_linear_path_:
            self._start_at_pca(module, pca, rng)
        if loss.link is not None:
            start_below_the_means(module, rows, sample_weight, loss, self.has_linear_path_)
        module.to(torch.float64 if exact else torch.float32)
        self.net_ = self._make_net(module, device, seed, self._callbacks()).initialize()
        self._code_moments = self._some_codes = None

    def _n_components_wanted(self, n_samples):
        if self.n_components == "auto":
            # Rows that are centred span one dimension less than they are many.
            return min(int(np.ceil(np.sqrt(self.n_features_in_))), max(1, n_samples - 1))
        share = not isinstance(self.n_components, Integral)
        return self.n_components if share else int(self.n_components)

    def _check_parameters(self, continued):
        """Refuse parameters of a variant that do not go together, before rows are read."""

    def _learn_from(self, X, container):
        """Set what a variant needs to know of the validated rows before training."""

    def _start_at_pca(self, module, pca, rng):
        """Set the linear paths of a new module so that training starts at a PCA."""
        start_at_pca(module, pca, LOSSES[self.loss], rng)

    # -- scikit-learn's protocols -----------------------------------------------------

    def _check_consistency(self) -> None:
        """Raise ValueError for fitted attributes that do not fit together; see model files."""
        if self._row_shape is not None and math.prod(self._row_shape) != self.n_features_in_:
            raise ValueError(
                f"rows of shape {self._row_shape} have not n_features_in_={self.n_features_in_} "
                f"values"
            )
        if self._mixture is not None:
            shares = self._mixture[0]
            if (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
                raise ValueError("the shares of the mixture do not sum up to one")
        if self._some_codes is not None:
            weights = self._some_codes[1]
            if (weights < 0).any() or not weights.sum() > 0:
                raise ValueError("the weights of the kept codes are no weights")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        tags.input_tags.positive_only = getattr(LOSSES.get(self.loss), "minimum", -1) == 0
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
