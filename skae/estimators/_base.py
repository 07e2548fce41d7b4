"""What every autoencoder of the package has in common."""

import warnings
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._compat import check_sample_weight, fit_context
from skae.engine import (
    CHUNK,
    OPTIMIZERS,
    AutoencoderNet,
    ScaledRows,
    TrainingRows,
    code_moments,
    existing_device,
    forward_in_chunks,
    load_net_state,
    merge_moments,
    net_to_state,
    resolve_device,
    threads_for,
)
from skae.networks import Autoencoder, add_linear_path
from skae.objectives import LOSSES

from ._constraints import AUTOENCODER_CONSTRAINTS
from ._pca_start import start_at_pca
from ._principal_components import principal_components
from ._scaling import fit_scaling
from ._training import check_range, resolve_batch_size, split_rows

_FLOATS = (np.float64, np.float32)


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Validate, train, encode and decode, score.

    A variant's ``__init__`` stores its parameters; it defines `_make_network`, which
    returns a network description, and `_make_objective`, which returns what training
    minimises. Everything else is here.
    """

    _parameter_constraints = AUTOENCODER_CONSTRAINTS

    # -- fitting ----------------------------------------------------------------------

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. float32 and float64 are kept, other types become float64.
            A sparse matrix never becomes dense as a whole.
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
            X, sample_weight = self._validate_rows(X, sample_weight, reset=not continued)
            rng = check_random_state(self.random_state)
            train, valid = split_rows(
                X.shape[0], self.early_stopping, self.validation_fraction, rng
            )
            n_train = X.shape[0] if train is None else len(train)
            batch_size = resolve_batch_size(self.batch_size, n_train)
            if continued:
                self._check_unchanged()
                self.net_.criterion_ = self._make_objective()
            else:
                self._start(X, sample_weight, batch_size >= X.shape[0], rng)
            self.net_.set_params(**self._net_params(), batch_size=batch_size)
            self.net_.initialize_optimizer()
            self._train(X, sample_weight, train, valid)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one pass over these rows, from where training stands.

        The first call fixes the scaling, the number of components and the start from its
        rows, so it should see a fair sample. The learning rate is constant, and no rows
        are held out.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next rows.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. If fitting fails, it stays as it was.

        Raises
        ------
        ValueError
            As :meth:`fit`.
        """
        continued = hasattr(self, "net_")
        with self._as_before_on_error(in_place=continued):
            X, sample_weight = self._validate_rows(X, sample_weight, reset=not continued)
            if not continued:
                self._start(X, sample_weight, False, check_random_state(self.random_state))
            params = self._net_params() | {"learning_rate": "constant"}
            batch_size = resolve_batch_size(self.batch_size, X.shape[0])
            self.net_.set_params(**params, batch_size=batch_size)
            self._train(X, sample_weight, epochs=1)
        return self

    @contextmanager
    def _as_before_on_error(self, in_place):
        """Leave the estimator as it was if fitting fails, its weights included."""
        before = self.__dict__.copy()
        state = net_to_state(self.net_) if in_place else None
        try:
            yield
        except BaseException:
            self.__dict__ = before
            if in_place:
                load_net_state(self.net_, state)
            raise

    def _validate_rows(self, X, sample_weight, reset):
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=_FLOATS,
            ensure_min_samples=2 if reset else 1,
        )
        check_range(X, self._make_objective().loss)
        if sample_weight is None:
            return X, None
        sample_weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        counted = sample_weight > 0
        if reset and counted.sum() < 2:
            raise ValueError(
                "sample_weight leaves only 1 sample with a weight above zero, while a minimum "
                "of 2 is required."
            )
        if counted.all():
            return X, sample_weight
        return X[counted], sample_weight[counted]

    def _start(self, X, sample_weight, full_batch, rng):
        """Set everything that must stand before the first step of training."""
        device = resolve_device(self.device)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        loss = self._make_objective().loss
        self.mean_, self.scale_ = fit_scaling(X, sample_weight, loss)
        # Where an epoch is one batch, double precision costs next to nothing, and a fit
        # with weights then equals a fit with repeated rows to the last digits.
        exact = full_batch and X.dtype == np.float64 and device.type == "cpu"
        dtype = np.float64 if exact else np.float32
        pca = None
        if self.init == "pca" or not isinstance(self.n_components, Integral | str):
            wanted = self._n_components_wanted()
            rows = self._scaled(X)
            pca = principal_components(rows, sample_weight, wanted, dtype, rng)
        self.n_components_ = self._n_components_wanted()
        if not isinstance(self.n_components_, Integral):
            self.n_components_ = max(1, len(pca.components))
        self.network_ = self._make_network()
        self.has_linear_path_ = self.init == "pca"
        module = self._build_module(seed)
        if self.has_linear_path_:
            start_at_pca(module, pca, loss, rng)
        module.to(getattr(torch, np.dtype(dtype).name))
        self.net_ = self._make_net(module, device, seed).initialize()
        self._code_moments = None

    def _n_components_wanted(self):
        if self.n_components == "auto":
            return int(np.ceil(np.sqrt(self.n_features_in_)))
        return self.n_components

    def _build_module(self, seed):
        n_features, n_components = self.n_features_in_, self.n_components_
        generator = torch.Generator().manual_seed(seed)
        encoder, decoder = self.network_.build(n_features, n_components, generator)
        if self.has_linear_path_:
            encoder = add_linear_path(encoder, n_features, n_components)
            decoder = add_linear_path(decoder, n_components, n_features)
        return Autoencoder(encoder, decoder, n_components)

    def _make_net(self, module, device, seed):
        return AutoencoderNet(
            module,
            self._make_objective(),
            optimizer=OPTIMIZERS.get(self.optimizer, self.optimizer),
            random_state=seed,
            device=str(device),
            callbacks=list(self.callbacks or []),
            verbose=0,
            **self._net_params(),
        )

    def _net_params(self):
        return {
            "lr": self.learning_rate_init,
            "max_epochs": self.max_iter,
            "learning_rate": self.learning_rate,
            "max_grad_norm": self.max_grad_norm,
            "tol": self.tol,
            "patience": self.n_iter_no_change,
        }

    def _check_unchanged(self):
        """Refuse to continue a fit whose network would have to be another one."""
        wanted = self._n_components_wanted()
        changed = isinstance(wanted, Integral) and wanted != self.n_components_
        if changed or self._make_network() != self.network_:
            raise ValueError(
                "warm_start=True continues the fitted network, but n_components or a parameter "
                "of the network changed since. Set them back, or set warm_start=False."
            )

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
            self._standardize_codes(rows, whole_fit)
        if whole_fit:
            # A later partial_fit starts with a rested optimizer at its full rate.
            net.initialize_optimizer()
        self._set_curves(net)
        self._warn(net, whole_fit)

    def _standardize_codes(self, rows, whole_fit):
        """Give the codes zero mean and unit variance over the rows trained on."""
        module = self.net_.module_
        moments = code_moments(module, rows)
        if not whole_fit:
            moments = merge_moments(self._code_moments, moments)
        self._code_moments = moments
        _, mean, variance = moments
        module.code_mean.copy_(torch.as_tensor(mean))
        module.code_scale.copy_(torch.as_tensor(np.where(variance > 0, np.sqrt(variance), 1)))

    def _set_curves(self, net):
        unit = self._loss_unit()
        self.loss_ = net.objective_ * unit
        self.n_iter_ = len(net.history)
        self.loss_curve_ = [epoch["train_loss"] * unit for epoch in net.history]
        valid = [epoch["valid_loss"] * unit for epoch in net.history if "valid_loss" in epoch]
        self.validation_loss_curve_ = valid or None
        self.best_validation_loss_ = net.best_.loss * unit if valid else None

    def _warn(self, net, whole_fit):
        if net.interrupted_:
            warnings.warn(
                f"Training was interrupted after {self.n_iter_} epochs; the best weights so far "
                f"are kept.",
                UserWarning,
                stacklevel=3,
            )
        elif whole_fit and not net.stopped_ and not net.schedule_.planned:
            warnings.warn(
                f"max_iter={self.max_iter} epochs were reached while the loss still fell. Raise "
                f"max_iter, or use learning_rate='one_cycle', which is planned to its end.",
                ConvergenceWarning,
                stacklevel=3,
            )

    # -- using the fitted network -----------------------------------------------------

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, of zero mean and unit variance over the training rows, in the dtype of
            `X` if that is float32 or float64, else float64.
        """
        X = self._validate_new(X)
        codes = np.empty((X.shape[0], self.n_components_), X.dtype)
        for selection, _, result in self._forward(self._encode, self._scaled(X)):
            codes[selection] = result
        return codes

    def inverse_transform(self, X):
        """Decode codes back to rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes as :meth:`transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Decoded rows in the unit of the training data, in the dtype of the codes.

        Raises
        ------
        ValueError
            If `X` has not `n_components_` columns.
        """
        check_is_fitted(self, "net_")
        X = check_array(X, dtype=_FLOATS, input_name="X")
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but {type(self).__name__} decodes codes of "
                f"n_components_={self.n_components_}, as transform gives them."
            )
        codes = ScaledRows(X, np.zeros(self.n_components_), 1.0)
        return self._decoded(self._decode, codes)

    def reconstruct(self, X):
        """Encode rows and decode them again.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``.
        """
        X = self._validate_new(X)
        return self._decoded(self._there_and_back, self._scaled(X))

    def score_samples(self, X):
        """Score rows by how well they are reconstructed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,) and dtype float64
            Minus the reconstruction loss of each row, averaged over its features, in the
            unit of the data: minus the mean squared error for ``loss="squared_error"``.
            Higher is more ordinary.
        """
        X = self._validate_new(X)
        objective = self.net_.criterion_
        check_range(X, objective.loss)
        scores = np.empty(X.shape[0])
        for selection, chunk, output in self._forward(self._there_and_back, self._scaled(X)):
            scores[selection] = objective.row_losses(
                output.double(), torch.as_tensor(chunk, dtype=torch.float64)
            )
        scores *= -self._loss_unit()
        return scores

    def score(self, X, y=None, sample_weight=None):
        """Average the scores of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.
        y : None
            Ignored, present for the conventions of scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the average.

        Returns
        -------
        score : float
            Weighted mean of :meth:`score_samples`; higher is better.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, scores, dtype=np.float64, ensure_non_negative=True
            )
        return float(np.average(scores, weights=sample_weight))

    def _validate_new(self, X):
        check_is_fitted(self, "net_")
        return validate_data(self, X, reset=False, accept_sparse="csr", dtype=_FLOATS)

    def _scaled(self, X):
        return ScaledRows(X, self.mean_, self.scale_)

    def _loss_unit(self):
        """What a loss of scaled rows is multiplied by to be one of the data."""
        return self.scale_**self.net_.criterion_.loss.scale_power

    def _encode(self, x):
        return self.net_.module_.encode(x)

    def _decode(self, codes):
        return self.net_.module_.decode(codes)

    def _there_and_back(self, x):
        return self._decode(self._encode(x))

    def _forward(self, function, rows):
        module = self.net_.module_
        with threads_for(CHUNK * sum(p.numel() for p in module.parameters())):
            yield from forward_in_chunks(function, rows, module)

    def _decoded(self, function, rows):
        """Run a function that ends in the decoder; return rows in the unit of the data."""
        loss = self.net_.criterion_.loss
        decoded = np.empty((rows.shape[0], self.n_features_in_), rows.X.dtype)
        for selection, _, output in self._forward(function, rows):
            decoded[selection] = loss.to_data(output).numpy() * self.scale_ + self.mean_
        return decoded

    # -- scikit-learn's protocols -----------------------------------------------------

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = getattr(LOSSES.get(self.loss), "minimum", -1) == 0
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __getstate__(self):
        """Replace the net by numpy arrays, which load on any machine."""
        state = super().__getstate__()
        if "net_" in state:
            state = {**state, "net_": net_to_state(self.net_)}
        return state

    def __setstate__(self, state):
        """Build the net anew around its arrays, on the CPU if its device is absent."""
        super().__setstate__(state)
        if "net_" not in state:
            return
        net = self.__dict__.pop("net_")
        module = self._build_module(net["seed"]).to(getattr(torch, net["dtype"]))
        device = existing_device(net["device"])
        self.net_ = self._make_net(module, device, net["seed"]).initialize()
        load_net_state(self.net_, net)
