"""What every autoencoder of the package has in common."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skae._compat import fit_context
from skae.engine import (
    OPTIMIZERS,
    AutoencoderNet,
    SelectedRows,
    TrainingRows,
    existing_device,
    is_memory_mapped,
    load_net_state,
    merge_moments,
    net_to_state,
    own_mode,
    resolve_device,
    threads_for,
    to_gpu,
)
from skae.networks import Autoencoder, DenseNetwork, add_linear_path
from skae.objectives import LOSSES

from ._constraints import AUTOENCODER_CONSTRAINTS
from ._containers import validate_rows, validate_weight
from ._fitted_network import FittedNetworkMixin
from ._pca_start import start_at_pca
from ._principal_components import principal_components
from ._scaling import fit_scaling
from ._training import (
    check_range,
    resolve_batch_size,
    resolve_hidden_layer_sizes,
    split_rows,
)


class BaseAutoencoder(FittedNetworkMixin, BaseEstimator):
    """Validate and train; what the fitted network does then is the mixin's.

    A variant's ``__init__`` stores its parameters, and its `_make_objective` returns what
    training minimises. Everything else is here.
    """

    _parameter_constraints = AUTOENCODER_CONSTRAINTS

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows. float32 and float64 are kept, other types become float64. A sparse
            matrix never becomes dense as a whole, and an array that is mapped from a file
            (``numpy.load(file, mmap_mode="r")``) is read batch by batch.
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
            If training is interrupted from the keyboard; the best weights so far stay.
        ConvergenceWarning
            If `max_iter` ends training under a schedule that is not planned to its end.
        """
        continued = self.warm_start and hasattr(self, "net_")
        with self._as_before_on_error(in_place=continued):
            X, sample_weight, container = self._validate_rows(
                X, sample_weight, 2, reset=not continued
            )
            X = to_gpu(X, self._device(continued))
            rng = check_random_state(self.random_state)
            train, valid = split_rows(
                X.shape[0], self.early_stopping, self.validation_fraction, rng
            )
            n_train = X.shape[0] if train is None else len(train)
            batch_size = self._batch_size(n_train)
            if continued:
                self._renew_net()
            else:
                self._start(X, sample_weight, container, batch_size >= X.shape[0], rng)
            self.net_.set_params(batch_size=batch_size)
            self._train(X, sample_weight, train, valid)
        return self

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
            As :meth:`fit`; for an iterator also if it is empty, or comes with weights.
        """
        chunks = X if isinstance(X, Iterator) else [X]
        if chunks is X and sample_weight is not None:
            raise ValueError(
                "sample_weight cannot be given for an iterator of chunks. Call partial_fit for "
                "each chunk with its own sample_weight."
            )
        empty = True
        with self._as_before_on_error(in_place=hasattr(self, "net_")):
            for chunk in _until_interrupted(chunks):
                self._partial_fit(chunk, sample_weight)
                empty = False
                # The next chunk is made before this name is given to it.
                del chunk
                if self.net_.interrupted_:
                    break
            if empty:
                raise ValueError("X is an iterator without a single chunk, expected one at least.")
        return self

    def _partial_fit(self, X, sample_weight):
        continued = hasattr(self, "net_")
        X, sample_weight, container = self._validate_rows(
            X, sample_weight, 1 if continued else 2, reset=not continued
        )
        X = to_gpu(X, self._device(continued))
        if continued:
            self._renew_net(keep_optimizer=True)
        else:
            rng = check_random_state(self.random_state)
            self._start(X, sample_weight, container, False, rng)
        params = self._net_params() | {"learning_rate": "constant"}
        self.net_.set_params(**params, batch_size=self._batch_size(X.shape[0]))
        self._train(X, sample_weight, epochs=1)

    @contextmanager
    def _as_before_on_error(self, in_place):
        """Leave the estimator as it was if fitting fails, its weights included."""
        before = self.__dict__.copy()
        state = net_to_state(self.net_) if in_place else None
        try:
            with own_mode():
                yield
        except BaseException:
            self.__dict__ = before
            if in_place:
                load_net_state(self.net_, state)
            raise

    def _validate_rows(self, X, sample_weight, n_needed, reset):
        """Return the rows that count, their weights, of mean one, or None, and the container."""
        method = "fit" if reset else "partial_fit"
        X, container = validate_rows(self, X, method, reset=reset, ensure_min_samples=n_needed)
        check_range(X, self._make_objective().loss)
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

    def _device(self, continued):
        """Return where to train; what goes on stays where it is, unless told otherwise."""
        if continued and self.device == self._fitted_params["device"]:
            return torch.device(self.net_.device)
        return resolve_device(self.device)

    def _batch_size(self, n_samples):
        batch_size = resolve_batch_size(self.batch_size, n_samples)
        if batch_size < 2 and self.network is None and self.normalization == "batch":
            raise ValueError(
                f"normalization='batch' needs batches of at least 2 rows, but "
                f"batch_size={self.batch_size} makes batches of {batch_size} of n_samples="
                f"{n_samples}. Use normalization='layer', or larger batches."
            )
        return batch_size

    def _start(self, X, sample_weight, container, full_batch, rng):
        """Set everything that must stand before the first step of training."""
        device = resolve_device(self.device)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        loss = self._make_objective().loss
        self._remember_params()
        mean, self.scale_ = fit_scaling(X, sample_weight, loss)
        self.mean_ = container.close(mean)
        # Where an epoch is one batch, double precision costs next to nothing, and a fit
        # with weights then equals a fit with repeated rows to the last digits.
        rows = self._scaled(X)
        exact = full_batch and rows.dtype == torch.float64 and device.type == "cpu"
        exact = exact and self.precision != "bfloat16"
        pca = None
        if self.init == "pca" or not isinstance(self.n_components, Integral | str):
            wanted = self._n_components_wanted()
            pca = principal_components(rows, sample_weight, wanted, rng)
        self.n_components_ = self._n_components_wanted()
        if not isinstance(self.n_components_, Integral):
            self.n_components_ = max(1, len(pca.components))
        self.network_ = self._make_network()
        self.has_linear_path_ = self.init == "pca"
        module = self._build_module(seed)
        if self.has_linear_path_:
            start_at_pca(module, pca, loss, rng)
        module.to(torch.float64 if exact else torch.float32)
        self.net_ = self._make_net(module, device, seed, self._callbacks()).initialize()
        self._code_moments = None

    def _remember_params(self):
        # What the net depends on, so that a pickle is not led astray by later set_params.
        self._fitted_params = self.get_params(deep=False)
        del self._fitted_params["callbacks"]

    def _n_components_wanted(self):
        if self.n_components == "auto":
            return int(np.ceil(np.sqrt(self.n_features_in_)))
        share = not isinstance(self.n_components, Integral)
        return self.n_components if share else int(self.n_components)

    def _make_network(self):
        if self.network is not None:
            return clone(self.network, safe=False)
        return DenseNetwork(
            hidden_layer_sizes=resolve_hidden_layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
        )

    def _build_module(self, seed):
        n_features, n_components = self.n_features_in_, self.n_components_
        generator = torch.Generator().manual_seed(seed)
        encoder, decoder = self.network_.build(n_features, n_components, generator)
        if self.has_linear_path_:
            encoder = add_linear_path(encoder, n_features, n_components)
            decoder = add_linear_path(decoder, n_components, n_features)
        return Autoencoder(encoder, decoder, n_components)

    def _make_net(self, module, device, seed, callbacks):
        return AutoencoderNet(
            module,
            self._make_objective(),
            optimizer=OPTIMIZERS.get(self.optimizer, self.optimizer),
            random_state=seed,
            device=str(device),
            callbacks=callbacks,
            verbose=0,
            **self._net_params(),
        )

    def _callbacks(self):
        return list(self.callbacks or [])

    def _net_params(self):
        return {
            "lr": float(self.learning_rate_init),
            "max_epochs": int(self.max_iter),
            "learning_rate": self.learning_rate,
            "max_grad_norm": self.max_grad_norm,
            "precision": self.precision,
            "tol": self.tol,
            "patience": self.n_iter_no_change,
        }

    def _check_unchanged(self):
        """Refuse to continue a fit that would need another network or another scaling."""
        before = self._fitted_params
        same_size = self.n_components in (before["n_components"], self.n_components_)
        changed = {
            "n_components": not same_size,
            "init": self.init != before["init"],
            "loss": self.net_.criterion_.loss != self._make_objective().loss,
            "a parameter of the network": self._make_network() != self.network_,
        }
        for what, differs in changed.items():
            if differs:
                raise ValueError(
                    f"{what} changed since the first fit, and training cannot continue with it. "
                    f"Set it back, or set warm_start=False and call fit."
                )

    def _renew_net(self, keep_optimizer=False):
        """Make a net with the parameters as they are now around the fitted network."""
        self._check_unchanged()
        fitted, fitted_params = self.net_, self._fitted_params
        device = self._device(continued=True)
        self._remember_params()
        seed = fitted.random_state
        net = self._make_net(fitted.module_, device, seed, self._callbacks())
        self.net_ = net.initialize()
        self.net_.history.extend(fitted.history)
        self.net_.set_generator_states(fitted.generator_states())
        if keep_optimizer and fitted_params["optimizer"] == self.optimizer:
            self.net_.optimizer_.load_state_dict(fitted.optimizer_.state_dict())

    def _train(self, X, sample_weight, train=None, valid=None, epochs=None):
        """Train the net on the rows and set the fitted attributes."""
        net, module = self.net_, self.net_.module_
        parameters = list(module.parameters())
        rows = TrainingRows(
            self._scaled(X), sample_weight, parameters[0].dtype, parameters[0].device
        )
        whole_fit = epochs is None
        with threads_for(net.batch_size * sum(p.numel() for p in parameters)):
            net.train(
                rows,
                train,
                valid,
                epochs=epochs,
                never_worse=self.init == "pca" and whole_fit,
                verbose=self.verbose if whole_fit else 0,
            )
        self._standardize_codes(whole_fit)
        if whole_fit:
            # A later partial_fit starts with a rested optimizer at its full rate.
            net.initialize_optimizer()
        self._set_curves(net, whole_fit)
        self._warn(net, whole_fit)

    def _standardize_codes(self, whole_fit):
        """Give the codes zero mean and unit variance over the rows trained on."""
        module, moments = self.net_.module_, self.net_.code_moments_
        if not whole_fit:
            moments = merge_moments(self._code_moments, moments)
        self._code_moments = moments
        _, mean, variance = moments
        module.code_mean.copy_(torch.as_tensor(mean))
        module.code_scale.copy_(torch.as_tensor(np.where(variance > 0, np.sqrt(variance), 1)))

    def _set_curves(self, net, whole_fit):
        unit = self._loss_unit()
        self.loss_ = net.objective_ * unit
        self.n_iter_ = len(net.history)
        # A stream of chunks may be long: what is known of it is not read again.
        known = [] if whole_fit else getattr(self, "loss_curve_", [])
        added = net.history[len(known) :]
        self.loss_curve_ = [*known, *(epoch["train_loss"] * unit for epoch in added)]
        if whole_fit:
            valid = [epoch["valid_loss"] * unit for epoch in added if "valid_loss" in epoch]
            self.validation_loss_curve_ = valid or None
        else:
            self.validation_loss_curve_ = getattr(self, "validation_loss_curve_", None)
        held_out = net.valid_objective_
        self.best_validation_loss_ = None if held_out is None else held_out * unit

    def _warn(self, net, whole_fit):
        if net.interrupted_:
            warnings.warn(
                f"Training was interrupted after {self.n_iter_} epochs; the best weights so far "
                f"are kept.",
                UserWarning,
                stacklevel=3,
            )
        elif whole_fit and not net.converged_:
            warnings.warn(
                f"max_iter={self.max_iter} epochs were reached while the loss still fell. Raise "
                f"max_iter, or use learning_rate='one_cycle', which is planned to its end.",
                ConvergenceWarning,
                stacklevel=3,
            )

    # -- scikit-learn's protocols -----------------------------------------------------

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        tags.input_tags.positive_only = getattr(LOSSES.get(self.loss), "minimum", -1) == 0
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __getstate__(self):
        """Replace the net by numpy arrays, which load on any machine."""
        state = super().__getstate__()
        if "net_" in state:
            state = {**state, "net_": net_to_state(self.net_)}
            if isinstance(self.mean_, torch.Tensor):
                state["mean_"] = self.mean_.cpu().numpy()
        return state

    def __setstate__(self, state):
        """Build the net anew around its arrays, on the CPU if its device is absent."""
        super().__setstate__(state)
        if "net_" not in state:
            return
        with own_mode():
            self._restore_net(self.__dict__.pop("net_"))

    def _restore_net(self, net):
        module = self._build_module(net["seed"]).to(getattr(torch, net["dtype"]))
        # The net is the one that was fitted, whatever parameters were set since.
        params_now = self.get_params(deep=False)
        self.__dict__.update(self._fitted_params)
        device = existing_device(net["device"])
        self.net_ = self._make_net(module, device, net["seed"], callbacks=None).initialize()
        self.__dict__.update(params_now)
        load_net_state(self.net_, net)


def _until_interrupted(chunks):
    """Yield chunks until there are no more, or the keyboard interrupts the making of one."""
    chunks, n_chunks = iter(chunks), 0
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            return
        except KeyboardInterrupt:
            if n_chunks == 0:
                raise
            warnings.warn(
                f"The iterator was interrupted after {n_chunks} chunks; what was learned from them "
                f"is kept.",
                UserWarning,
                stacklevel=3,
            )
            return
        n_chunks += 1
        yield chunk
        del chunk
