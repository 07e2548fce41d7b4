"""How the net of an estimator is trained, and what a fit leaves behind."""

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from skae._threads import threads_for
from skae._warnings import warn_caller
from skae.engine import TrainingRows, merge_codes, work_of_step
from skae.objectives import LOSSES
from skae.tables import merge_moments

from ._code_scale import scale_by_effect


class TrainerMixin:
    """Trains the net that stands ready, and sets the fitted attributes."""

    # True where the objective gives codes a scale. The other variants have the parameter
    # `standardize`.
    _codes_have_a_scale = False
    standardize = True

    # Whether some codes of training rows are of use after training: to draw others like them.
    _keeps_codes = True

    def _describe_fit(self, rows, whole_fit):
        """Set fitted attributes of a variant's own, once training is over.

        Parameters
        ----------
        rows : TrainingRows
            The rows of the last call.
        whole_fit : bool
            Whether they are all rows of a fit, and not the next ones of many.
        """

    def _training(
        self,
        X,
        sample_weight,
        train=None,
        valid=None,
        epochs=None,
        *,
        from_scratch=False,
        n_together=1,
    ):
        """Train the net on the rows and set the fitted attributes, but for the steps."""
        net, module = self.net_, self.net_.module_
        weights = next(module.parameters())
        rows = self._scaled(X, LOSSES[self.loss].limits)
        rows = TrainingRows(rows, sample_weight, weights.dtype, weights.device)
        whole_fit = epochs is None
        with threads_for(work_of_step(net, n_together)):
            yield from net.training(
                rows,
                train,
                valid,
                epochs=epochs,
                from_scratch=from_scratch,
                never_worse=self.init == "pca" and whole_fit,
                verbose=self.verbose if whole_fit else 0,
            )
            self._remember_codes(whole_fit)
            self._describe_fit(rows, whole_fit)
            if not self._keeps_codes:
                self._some_codes = None
        if whole_fit:
            # A later partial_fit starts with a rested optimizer at its full rate.
            net.initialize_optimizer()
        self._set_curves(net, whole_fit)
        if whole_fit:
            self._warn_above_the_means(net)
        self._warn(net, whole_fit)
        return net.interrupted_

    def _remember_codes(self, whole_fit):
        """Set the scale in which codes leave, and keep some of them to draw others like them."""
        net, module = self.net_, self.net_.module_
        moments, some = net.code_moments_, net.some_codes_
        if not whole_fit:
            moments = merge_moments(self._code_moments, moments)
            some = merge_codes(self._some_codes, some, (net.random_state, len(net.history)))
        self._code_moments, self._some_codes, self._mixture = moments, some, None
        _, mean, variance = moments
        scale = np.where(variance > 0, np.sqrt(variance), 1)
        if self._codes_have_a_scale:
            mean, scale = np.zeros_like(mean), np.ones_like(scale)
        elif not self.standardize:
            scale = scale_by_effect(module, *some, net.criterion_.loss) / self.scale_
        module.code_mean.copy_(torch.as_tensor(mean))
        module.code_scale.copy_(torch.as_tensor(scale))

    def _set_curves(self, net, whole_fit):
        self.loss_ = self._in_data_units(net.objective_)
        self.n_iter_ = len(net.history)
        # A stream of chunks may be long: what is known of it is not read again.
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

    def _warn_above_the_means(self, net):
        if net.above_means_ is None:
            return
        error, of_means = (value * self._loss_unit() for value in net.above_means_)
        end = "so training was undone" if net.went_back_ else "so the codes tell little of the rows"
        can_start_at_pca = "pca" in self._parameter_constraints["init"][0].options
        start = "init='pca', " if can_start_at_pca and self.init != "pca" else ""
        warn_caller(
            f"The fit ended above the error of the column means: {error:.4g} against "
            f"{of_means:.4g}, {end}. Try {start}a smaller learning_rate_init (now "
            f"{self.learning_rate_init}), a larger max_iter (now {self.max_iter}), or weaker "
            f"penalties.",
            ConvergenceWarning,
        )

    def _warn(self, net, whole_fit):
        if net.interrupted_:
            warn_caller(
                f"Training was interrupted after {self.n_iter_} epochs; the best weights so far "
                f"are kept."
            )
        elif whole_fit and not net.converged_:
            warn_caller(
                f"max_iter={self.max_iter} epochs were reached while the loss still fell. Raise "
                f"max_iter, or use learning_rate='one_cycle', which is planned to its end.",
                ConvergenceWarning,
            )
