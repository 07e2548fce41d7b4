"""Setting up a fit, training the net, and setting the fitted attributes."""

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from torch import Tensor

from skae._compat import parameter_constraints
from skae._threads import threads_for
from skae._warnings import warn_caller
from skae.engine import (
    ONE_RANK,
    AutoencoderNet,
    OneRank,
    Training,
    TrainingRows,
    losses_by_column,
    merge_codes,
    present_meeting,
    resolve_device,
    settle,
    steady_rate,
    to_gpu,
    work_of_step,
)
from skae.networks import Autoencoder
from skae.objectives import LOSSES, CountLoss, Loss
from skae.tables import (
    CallerType,
    CountTable,
    NumericTable,
    PrincipalComponents,
    ScaledRows,
    column_extremes,
    is_memory_mapped,
    merge_moments,
    principal_components,
    warn_of_unequal_columns,
)

from ._count_start import linear_count_inputs, some_rows, start_at_regression
from ._fit_decisions import resolve_batch_size
from ._fit_rows import FitRows
from ._held_out_rows import GivenRows, hold_out_rows
from ._link_start import start_below_the_means
from ._mixed_start import learn_mixed_table
from ._pairs import learn_target_table, start_at_targets
from ._pca_start import start_at_pca
from ._pickling import Pickling

# Up to so many inputs of numbers and categories a factor analysis is exact; beyond, it iterates.
_EXACT_COLUMNS = 300


class TrainingFlow(Pickling):
    """Trains on validated rows and sets the fitted attributes.

    A variant overrides `_learn_from`, `_start_at_pca`, `_n_components_wanted` and
    `_describe_fit`.
    """

    # Whether the objective gives codes a scale, which they then keep.
    _codes_have_a_scale = False

    # Whether codes of training rows are of use after training: to draw others like them.
    _keeps_codes = True

    # -- variants override these ------------------------------------------------------

    def _learn_from(self, X: Any, caller: CallerType) -> None:
        """Set attributes of a variant from the rows, before training."""

    def _n_components_wanted(self, n_samples: int) -> int | float:
        """Return the width of the code, or the share of the variance that it must explain."""
        wanted = self.n_components
        if isinstance(wanted, str):
            # Centred rows span one dimension less than their number.
            return min(int(np.ceil(np.sqrt(self.n_features_in_))), max(1, n_samples - 1))
        return int(wanted) if isinstance(wanted, Integral) else float(wanted)

    def _start_at_pca(self, module: Autoencoder, pca: PrincipalComponents, rng: Any) -> None:
        """Set the linear paths to a PCA of the scaled rows."""
        start_at_pca(module, pca, self._make_loss(), rng)

    def _describe_fit(self, rows: TrainingRows, whole_fit: bool) -> None:
        """Set the variant's own fitted attributes; `rows` are those of the last call."""

    # -- before training --------------------------------------------------------------

    def _prepare_fit(
        self,
        rows: FitRows,
        continued: bool,
        given: GivenRows | None = None,
        ranks: OneRank = ONE_RANK,
    ) -> Training:
        """Return the training of a whole fit on validated rows; see `hold_out_rows`."""
        rows = self._on_device(rows, continued)
        rng = ranks.random_state(check_random_state(self.random_state))
        stops, share = self._early_stopping(), self.validation_fraction
        train, valid = hold_out_rows(rows, given, stops, share, rng)
        n_train = len(rows) if train is None else len(train)
        batch_size = self._batch_size(n_train)
        if continued:
            self._renew_net()
        else:
            self._start(rows, batch_size >= len(rows), rng)
        self.net_.set_params(batch_size=batch_size, max_epochs=int(self.max_iter))
        return self._training(
            rows,
            train=train,
            valid=valid,
            from_scratch=not continued,
            never_worse=self.init == "pca",
            verbose=self.verbose,
            ranks=ranks,
        )

    def _prepare_pass(self, rows: FitRows, continued: bool, keep_net: bool) -> Training:
        """Return the training of one pass over validated rows, in a net of this call or a copy."""
        rows = self._on_device(rows, continued)
        if not continued or self._is_first_to_vary(rows.X):
            self._start(rows, False, check_random_state(self.random_state))
        elif not keep_net:
            self._renew_net(keep_optimizer=True)
        rate = steady_rate(self.learning_rate, float(self.learning_rate_init))
        params = self._net_params() | {"learning_rate": "constant", "lr": rate}
        self.net_.set_params(**params, batch_size=self._batch_size(len(rows)))
        return self._training(rows, epochs=1, from_scratch=False)

    def _is_first_to_vary(self, X: Any) -> bool:
        """Return whether all rows before these were equal, so that nothing is learned yet."""
        if self._rows_differ or X.shape[0] < 2:
            return False
        low, high = column_extremes(X)
        return bool((low < high).any())

    def _on_device(self, rows: FitRows, continued: bool) -> FitRows:
        # Columns of several types and gaps are learned by NumPy; batches are sent either way.
        caller, X = rows.caller, rows.X
        stays = is_memory_mapped(X) or caller.frame is not None or caller.has_gaps
        return rows if stays else replace(rows, X=to_gpu(X, self._device(continued)))

    def _batch_size(self, n_samples: int) -> int:
        batch_size = resolve_batch_size(self.batch_size, n_samples)
        by_batch = getattr(self._make_network(), "normalization", None) == "batch"
        if batch_size < 2 and by_batch:
            raise ValueError(
                f"normalization='batch' needs batches of at least 2 rows, but "
                f"batch_size={self.batch_size} makes batches of {batch_size} of n_samples="
                f"{n_samples}. Use larger batches, or another normalization."
            )
        return batch_size

    def _start(self, given: FitRows, full_batch: bool, rng: np.random.RandomState) -> None:
        """Set the attributes and the net that the first step of training needs."""
        X, weight, caller = given.X, given.weight, given.caller
        device = resolve_device(self.device)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        loss = self._reconstruction_loss()
        self._remember_params()
        self.n_features_in_ = X.shape[1]
        self._row_shape = caller.row_shape
        self.network_ = self._network_of_fit()
        self._frame = None if caller.frame is None else caller.frame.of_fit()
        self._mixed = self._counts = self._means = self._target = None
        vars(self).pop("_rows_differ", None)
        if caller.frame is None:
            self._learn_numbers(X, weight, caller, pairs=given.target is not None)
        else:
            assert isinstance(loss, Loss)
            self._mixed = learn_mixed_table(X, weight, caller.frame.schema, loss)
            self.mean_, self.scale_ = self._mixed.means, 1.0
        if given.target is not None:
            assert isinstance(loss, Loss)
            self._target = learn_target_table(given.target, weight, loss)
        table = self._table
        # Where an epoch is one batch, double precision costs next to nothing, and a fit
        # with weights then equals a fit with repeated rows to the last digits.
        rows = table.rows(X, self._limits_of_inputs)
        if not isinstance(loss, Loss):
            self._counts = CountTable.learn(rows, weight, self.loss)
        self._learn_from(X, caller)
        exact = full_batch and rows.dtype == torch.float64 and device.type == "cpu"
        exact = exact and self.precision != "bfloat16"
        self.has_linear_path_ = self.init == "pca"
        wanted, pca = self._n_components_wanted(len(rows)), None
        if self.has_linear_path_ or isinstance(wanted, float):
            linear: Any
            if self._counts is not None:
                linear, of_linear = linear_count_inputs(rows, weight, self._counts)
            else:
                linear, of_linear = table.linear_rows(X, weight, self._limits_of_inputs)
            exact_up_to = {} if self._mixed is None else {"exact": _EXACT_COLUMNS}
            pca = principal_components(linear, of_linear, wanted, rng, **exact_up_to)
            wanted = max(1, len(pca.components)) if isinstance(wanted, float) else wanted
        self.n_components_ = int(wanted)
        module = self._build_module(seed)
        if pca is not None and self.has_linear_path_:
            self._start_at_pca(module, pca, rng)
        of_table = self._make_loss()
        if self._target is not None:
            self._start_at_targets(module, given)
        elif self._counts is not None:
            if self.has_linear_path_:
                start_at_regression(module, rows, weight)
            some, weight_of_some = some_rows(X, weight)
            few = table.rows(some, loss.limits)
            start_below_the_means(module, few, weight_of_some, of_table, self.has_linear_path_)
        elif self._mixed is not None:
            judged, of_judged = self._mixed.rows_to_judge(X, weight)
            start_below_the_means(module, judged, of_judged, of_table, self.has_linear_path_)
        elif isinstance(of_table, Loss) and of_table.link is not None:
            start_below_the_means(module, rows, weight, of_table, self.has_linear_path_)
        module.to(torch.float64 if exact else torch.float32)
        self.net_ = self._make_net(module, device, seed, list(self.callbacks or []))
        if self._counts is not None:
            self._settle(given)
        self._some_codes = None
        self._code_moments = None  # type: ignore[assignment]  # until the codes are known

    def _start_at_targets(self, module: Autoencoder, given: FitRows) -> None:
        """Set the decoder's last layer to what fits the targets of pairs, if it is linear."""
        rows, targets = self._table.rows(given.X), self._target_rows(given)
        weight, at_pca = given.weight, self.has_linear_path_
        loss = self._make_loss()
        assert not isinstance(loss, CountLoss)
        if at_pca:
            start_at_targets(module, rows, targets, weight, loss)
        if not isinstance(loss, Loss) or loss.link is not None:
            start_below_the_means(module, rows, weight, loss, at_pca, targets)

    def _learn_numbers(self, X: Any, weight: Any, caller: CallerType, pairs: bool) -> None:
        """Set the scaling of a table of numbers."""
        # The loss limits the range and the unit of targets, not of the rows that stand for them.
        loss = LOSSES["squared_error"] if pairs else self._reconstruction_loss()
        table, deviations = NumericTable.learn(
            X, weight, caller.has_gaps, centered=loss.centered, scaled=loss.scaled
        )
        self.mean_, self.scale_ = caller.to_caller(table.mean), table.scale
        self._means = table.means
        if not (deviations > 0).any():
            self._rows_differ = False
        if loss.centered and self._row_shape is None:
            warn_of_unequal_columns(X, deviations, self)

    def _training(self, rows: FitRows, **how: Any) -> Training:
        """Return a training of the present net on these rows."""
        return Training(self.net_, self._training_rows(rows), **how)

    def _training_rows(self, rows: FitRows) -> TrainingRows:
        weights = next(self.net_.module_.parameters())
        seen = self._table.rows(rows.X, self._limits_of_inputs)
        target = None if self._target is None else self._target_rows(rows)
        return TrainingRows(seen, rows.weight, weights.dtype, weights.device, target)

    def _target_rows(self, rows: FitRows) -> ScaledRows:
        """Return the targets of pairs as the decoder should answer them."""
        assert self._target is not None
        assert rows.target is not None
        return self._target.rows(rows.target.Y, LOSSES[self.loss].limits)

    @property
    def _limits_of_inputs(self) -> tuple[float, float] | None:
        """The limits of cells that the encoder sees, None where others are answered."""
        return LOSSES[self.loss].limits if self._target is None else None

    def _settle(self, rows: FitRows) -> None:
        """Estimate from the start what the objective estimates."""
        net = self.net_
        net.set_training(False)
        net.criterion_.settle(net.module_, net.get_iterator(self._training_rows(rows)))

    # -- training ---------------------------------------------------------------------

    def _while_training(self, training: Training, n_nets: int = 1) -> AbstractContextManager:
        """Return the context in which the net is trained."""
        return threads_for(work_of_step(training, n_nets))

    def _run(self, training: Training) -> None:
        """Train, in a meeting with others, and set the fitted attributes."""
        meeting = present_meeting() if training.ranks.size == 1 else None
        if meeting is not None:
            meeting.train(training, partial(self._while_training, training))
        with self._while_training(training):
            if meeting is None:
                training.run()
            self._finish(training)

    # -- after training ---------------------------------------------------------------

    def _finish(self, training: Training) -> None:
        """Set the fitted attributes, and warn of a bad end of training."""
        net, whole_fit = training.net, training.epochs is None
        self._describe(net, training.rows, whole_fit)
        if whole_fit:
            self._warn_above_the_means(net)
        self._warn(net, whole_fit)

    def _measure_again(self, rows: TrainingRows) -> None:
        """Set the fitted attributes anew, after the weights of the net were trained elsewhere."""
        settle(self.net_, rows)
        self.net_.valid_objective_ = None
        self._describe(self.net_, rows, whole_fit=True)

    def _describe(self, net: AutoencoderNet, rows: TrainingRows, whole_fit: bool) -> None:
        """Set the fitted attributes that the weights and the history tell."""
        self._remember_codes(net, whole_fit)
        self._describe_fit(rows, whole_fit)
        if not self._keeps_codes:
            self._some_codes = None
        if whole_fit:
            # A later partial_fit starts with a new optimizer at its full rate.
            net.initialize_optimizer()
        self._set_curves(net, whole_fit)
        self.column_losses_ = losses_by_column(net, rows) or None

    def _remember_codes(self, net: AutoencoderNet, whole_fit: bool) -> None:
        """Set the scale of the codes, and keep some of them for `sample`."""
        module = net.module_
        moments, some = net.code_moments_, net.some_codes_
        if not whole_fit:
            moments = merge_moments(self._code_moments, moments)
            seed = net.random_state, len(net.history)
            some = merge_codes(self._some_codes, some, seed)
        self._code_moments, self._some_codes, self._mixture = moments, some, None
        _, mean, variance = moments
        if self._codes_have_a_scale:
            mean, scale = np.zeros_like(mean), np.ones_like(mean)
        else:
            scale = self._scale_of_codes(variance, *some)
        module.code_mean.copy_(torch.as_tensor(mean))
        module.code_scale.copy_(torch.as_tensor(scale))

    def _scale_of_codes(self, variance: np.ndarray, codes: Tensor, weight: Tensor) -> np.ndarray:
        """Return the divisors of the codes, after which they have unit variance."""
        return np.where(variance > 0, np.sqrt(variance), 1)

    def _set_curves(self, net: AutoencoderNet, whole_fit: bool) -> None:
        self.loss_ = self._in_data_units(net.objective_)
        self.n_iter_ = len(net.history)
        # A stream of chunks may be long: losses of earlier chunks are not read again.
        known = [] if whole_fit else getattr(self, "loss_curve_", [])
        added = net.history[len(known) :]
        added_losses = [self._in_data_units(epoch["train_loss"]) for epoch in added]
        self.loss_curve_ = [*known, *added_losses]
        if whole_fit:
            valid = [epoch["valid_loss"] for epoch in added if "valid_loss" in epoch]
            self.validation_loss_curve_ = [*map(self._in_data_units, valid)] or None
        else:
            self.validation_loss_curve_ = getattr(self, "validation_loss_curve_", None)
        held_out = net.valid_objective_
        self.best_validation_loss_ = None if held_out is None else self._in_data_units(held_out)

    def _warn_above_the_means(self, net: AutoencoderNet) -> None:
        if net.above_means_ is None:
            return
        error, of_means = (value * self._loss_unit() for value in net.above_means_)
        end = "so training was undone" if net.went_back_ else "so the codes tell little of the rows"
        can_start_at_pca = "pca" in parameter_constraints(self)["init"][0].options
        start = "init='pca', " if can_start_at_pca and self.init != "pca" else ""
        warn_caller(
            f"The fit ended above the error of the column means: {error:.4g} against "
            f"{of_means:.4g}, {end}. Try {start}a smaller learning_rate_init (now "
            f"{self.learning_rate_init}), a larger max_iter (now {net.max_epochs}), or weaker "
            f"penalties.",
            ConvergenceWarning,
        )

    def _warn(self, net: AutoencoderNet, whole_fit: bool) -> None:
        if net.interrupted_:
            warn_caller(
                f"Training was interrupted after {self.n_iter_} epochs; the best weights so far "
                f"are kept."
            )
        elif whole_fit and not net.converged_:
            warn_caller(
                f"max_iter={net.max_epochs} epochs were reached while the loss still fell. Raise "
                f"max_iter, or use learning_rate='one_cycle', which is planned to its end.",
                ConvergenceWarning,
            )
