"""The skorch net that trains every autoencoder."""

from contextlib import nullcontext
from functools import partial

import torch
from skorch.helper import predefined_split

from ._batches import Batches, MeasuredBatches, mean_parts
from ._callbacks import wants_batches
from ._column_means import judge_by_the_means
from ._early_stopping import BestWeights
from ._global_generator import draws_globally, global_generators_from
from ._inference import ChunkedForward
from ._lockstep import train_together
from ._observed_net import ObservedNet
from ._precision import autocast, low_precision, products_in
from ._schedules import SCHEDULES
from ._summary import summarize
from .fused import GraphedStep, fused_step, read_net, what_it_stands_on


class AutoencoderNet(ObservedNet):
    """A skorch net whose epochs cost little more than their matrix products.

    It differs from skorch's own net in that the objective is called with the network and
    the batch and answers in parts, losses are read once an epoch, batches are cut from a
    tensor instead of collated row by row, the random numbers come from a generator of its
    own, and the best weights are kept. History, callbacks and parameters are skorch's;
    batch callbacks run if one is passed.

    Parameters
    ----------
    module : Autoencoder
        The network, with its initial weights.
    criterion : torch.nn.Module
        The objective: maps network, batch and weights to a dict of named scalars.
    random_state : int, default=0
        Seed of the order of the rows, of dropout and of noise.
    learning_rate : str, default="constant"
        Name of a schedule in `SCHEDULES`.
    max_grad_norm : float or None, default=None
        Norm to which the gradient of all parameters together is clipped.
    precision : str, default="float32"
        Precision of the matrix products of training, one of `PRECISIONS`.
    tol : float, default=0.0
        Improvement of the monitored loss that counts.
    patience : int, default=10
        Epochs without it after which training stops, if it may stop.
    **kwargs : dict
        Parameters of skorch.NeuralNet.
    """

    # Whether a callback listens to single batches, known once training begins, and the fused
    # step, if the net has one.
    _listens = False
    _fused = _fused_on = None

    # Whether what training adds little by little starts from nothing.
    _from_scratch = True

    def __init__(
        self,
        module,
        criterion,
        *,
        random_state=0,
        learning_rate="constant",
        max_grad_norm=None,
        precision="float32",
        tol=0.0,
        patience=10,
        **kwargs,
    ):
        super().__init__(module, criterion, **kwargs)
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.precision = precision
        self.tol = tol
        self.patience = patience

    def initialize(self):
        """Set up everything that training needs."""
        super().initialize()
        # Parameters and buffers of the objective have the type of the weights.
        self.criterion_.to(next(self.module_.parameters()).dtype)
        self.generator_ = torch.Generator().manual_seed(self.random_state)
        # A generator of its own, so that noise does not change the order of the rows, and as a
        # device takes random numbers of its own only.
        self.noise_generator_ = torch.Generator(self.device).manual_seed(self.random_state + 1)
        for module in (*self.module_.modules(), *self.criterion_.modules()):
            if hasattr(module, "generator"):
                module.generator = self.noise_generator_
        # Parts of the objective that change during training are told how far it is.
        self._gradual = [m for m in self.criterion_.modules() if hasattr(m, "progress")]
        self.forward_chunks_ = ChunkedForward(self.module_)
        return self

    def optimizers(self):
        """Return all optimizers, to save and restore their state."""
        return [self.optimizer_]

    def generator_states(self):
        """Return the states of the order's and of the noise's generator."""
        return [g.get_state() for g in (self.generator_, self.noise_generator_)]

    def set_generator_states(self, states, device):
        """Continue the random numbers of another net; noise only on the same kind of device.

        Parameters
        ----------
        states : list of tensor
            What `generator_states` returned.
        device : str or torch.device
            Where the other net was.
        """
        order, noise = states
        self.generator_.set_state(order)
        if torch.device(device).type == torch.device(self.device).type:
            self.noise_generator_.set_state(noise)

    # -- skorch's seams ---------------------------------------------------------------

    def get_iterator(self, dataset, training=False):
        """Return the batches of an epoch."""
        if not training:
            return MeasuredBatches(dataset)
        return Batches(dataset, self.batch_size, self.generator_)

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        """Run the epochs; see skorch.NeuralNet.fit_loop.

        An interrupt from the keyboard ends training and is remembered in `interrupted_`.
        """
        train_together([self._epochs(X, epochs)])
        return self

    def _epochs(self, X, n_epochs=None):
        """Go through the epochs; yield what `training` does."""
        train, valid = self.get_split_datasets(X)
        if n_epochs is None:
            n_epochs = self.max_epochs
        self._listens = any(wants_batches(callback) for _, callback in self.callbacks_)
        batches = self.get_iterator(train, training=True)
        self._steps_done, self._n_steps = 0, n_epochs * len(batches)
        schedule = SCHEDULES[self.learning_rate]
        self.schedule_ = schedule(self.optimizer_, self._n_steps, self.patience)
        self.best_ = BestWeights((self.module_, self.criterion_), self.tol, self.patience)
        self.stopped_ = self.interrupted_ = False
        try:
            if valid is not None:
                self.best_.update(self.evaluate(valid))
            for _ in range(n_epochs):
                yield from self._run_epoch(batches, train, valid)
                if self.stopped_:
                    break
        except KeyboardInterrupt:
            self.interrupted_ = True
            self._drop_unfinished_epoch("train_loss" if valid is None else "valid_loss")
        if valid is not None or self.interrupted_:
            self.best_.restore()
        self.converged_ = self.stopped_ or self.schedule_.planned

    def _run_epoch(self, batches, train, valid):
        datasets = {"dataset_train": train, "dataset_valid": valid}
        self.notify("on_epoch_begin", **datasets)
        self._set_mode(training=True)
        self._record_epoch("train", batches, (yield self, batches))
        monitored = self.history[-1, "train_loss"]
        if valid is not None:
            batches = self.get_iterator(valid)
            self._set_mode(training=False)
            parts = self._run(batches, False, "valid", self.validation_step)
            self._record_epoch("valid", batches, parts)
            monitored = self.history[-1, "valid_loss"]
        self.best_.update(monitored, self.schedule_.warming_up)
        self.schedule_.after_epoch(monitored)
        self.notify("on_epoch_end", **datasets)
        # Without validation rows a schedule that is planned to its end is run to its end:
        # the training loss rests while the rate is high and falls when it comes down.
        may_stop = valid is not None or not self.schedule_.planned
        self.stopped_ |= may_stop and self.best_.exhausted

    def _run(self, batches, training, prefix, step):
        """Take a step on each batch; return the mean of each part of the objective."""
        listener = partial(self.tell_batch, training, prefix) if self._listens else None
        return mean_parts(batches, step, listener)

    def run_batches(self, batches):
        """Take the net's own step on each batch of an epoch; return the mean parts."""
        # A callback may have frozen a layer or changed the optimizer since the last epoch.
        if self._fused_on is None or (self.is_watched and self._fused_on != self.stands_on):
            self.release_fused_step()
            self._fused = self._fused_step()
            self._fused_on = self.stands_on
        with self._global_generators():
            return self._run(batches, True, "train", self.train_step)

    def _global_generators(self):
        """Give modules that draw from torch's global generators numbers of the net's own."""
        if not draws_globally(self.module_):
            return nullcontext()
        drawn = torch.randint(2**62, (), generator=self.noise_generator_, device=self.device)
        return global_generators_from(drawn.item(), self.device)

    def train_step(self, batch, **kwargs):
        """Take one step of the optimizer and return the parts of the objective."""
        x, sample_weight = batch
        self.before_step()
        if self._fused is not None:
            parts = self._fused(x, sample_weight)
        else:
            parts = self._autograd_step(x, sample_weight)
        self.after_step()
        return parts

    def before_step(self):
        """Tell the parts of the objective that change during training how far it is."""
        for term in self._gradual:
            term.progress = self._steps_done / self._n_steps if self._from_scratch else 1.0

    def after_step(self):
        """Do what follows a step of the optimizer."""
        self.criterion_.after_step(self.module_, self.optimizer_)
        self.schedule_.after_step()
        self._steps_done += 1

    @property
    def stands_on(self):
        """The state that a fused step relies on; if it changes, the step is made anew."""
        return what_it_stands_on(self.module_, self.optimizer_)

    @property
    def pace(self):
        """The state that decides the rate of each step; nets that are stacked must share it."""
        rate = self.optimizer_.param_groups[0]["lr"]
        return rate, self.learning_rate, self._steps_done, self._n_steps

    def read(self):
        """Return what a fused step needs to know of the net, or None if it needs autograd."""
        # Who listens to single batches may also change them.
        return None if self._listens else read_net(*self._what_is_fused())

    def _what_is_fused(self):
        low = low_precision(self.precision)
        return self.module_, self.criterion_, self.optimizer_, self.max_grad_norm, low

    def _fused_step(self):
        step = None if self._listens else fused_step(*self._what_is_fused())
        on_gpu = torch.device(self.device).type == "cuda"
        if step is not None and on_gpu and not step.latent_by_autograd:
            return GraphedStep(step)
        return step

    def release_fused_step(self):
        """Give parameters and optimizer memory of their own."""
        if self._fused is not None:
            self._fused.release()
        self._fused = self._fused_on = None

    def _autograd_step(self, x, sample_weight):
        parts = None

        def closure():
            nonlocal parts
            self.optimizer_.zero_grad()
            with autocast(self.precision, x.device):
                parts = self.criterion_(self.module_, x, sample_weight)
            loss = sum(parts.values())
            loss.backward()
            if self._listens:
                named = list(self.get_all_learnable_params())
                told = {"batch": (x, x), "training": True}
                self.notify("on_grad_computed", named_parameters=named, **told)
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.module_.parameters(), self.max_grad_norm)
            return loss

        self.optimizer_.step(closure)
        return parts

    @torch.no_grad()
    def validation_step(self, batch, **kwargs):
        """Return the parts of the objective on a batch with the weights as they are."""
        return self.criterion_(self.module_, *batch)

    # -- what skorch has no word for --------------------------------------------------

    def train(self, rows, train=None, valid=None, **how):
        """Train from the weights and the optimizer as they are; see `training`."""
        train_together([self.training(rows, train, valid, **how)])

    def training(
        self,
        rows,
        train=None,
        valid=None,
        *,
        epochs=None,
        from_scratch=True,
        never_worse=False,
        verbose=0,
    ):
        """Train from the weights and the optimizer as they are, but for the steps.

        A generator that does all that training does around the steps. It yields the net and
        the batches of an epoch, and is sent the mean of each part of the objective once a step
        has been taken on each of them. `train_together` takes the steps.

        Sets `objective_`, the objective over `rows` with the weights that are kept,
        `valid_objective_`, the same over the held-out rows or None, `code_moments_` and
        `some_codes_`, what `summarize` found in the codes of `rows`,
        `interrupted_`, whether the keyboard ended training, and `converged_`, whether it ended
        of itself. Without `epochs` also `above_means_`, the errors of trained rows and of column
        means if the first is larger, else None, and `went_back_`, whether that undid the training:
        only where the start is better than the means.

        Parameters
        ----------
        rows : TrainingRows
            All rows.
        train, valid : ndarray of int or None, default=None
            Which of them to train on, and which to judge training by: it stops when these
            say so, and the weights that are best on them are kept. Without them training
            is on all rows and the last weights are kept.
        epochs : int or None, default=None
            Epochs to run, by default `max_epochs`.
        from_scratch : bool, default=True
            Whether terms of the objective that grow during training begin at nothing.
        never_worse : bool, default=False
            Whether to go back to the start should the objective over all rows end above
            where it started.
        verbose : int, default=0
            Whether to show a progress bar.
        """
        self._from_scratch = from_scratch
        start = BestWeights((self.module_, self.criterion_))
        if never_worse:
            start.update(self.evaluate(rows))
        elif epochs is None:
            start.keep()
        held_out = None if valid is None else rows.subset(valid)
        self.train_split = None if valid is None else predefined_split(held_out)
        self.verbose = verbose
        try:
            with products_in(self.precision, torch.device(self.device)):
                rows_in_use = rows if train is None else rows.subset(train)
                self.notify("on_train_begin", X=rows_in_use, y=None)
                yield from self._epochs(rows_in_use, epochs)
                self.notify("on_train_end", X=rows_in_use, y=None)
        finally:
            # The net outlives training and should keep neither the data nor copies of itself.
            self.release_fused_step()
            self.optimizer_.zero_grad()
            self.train_split = self.schedule_ = self.best_ = None
            self.verbose = 0
            dict(self.callbacks_)["progress_bar"].close()
        if epochs is None:
            self._set_training(False)
            self.criterion_.after_training(self.module_, self.get_iterator(rows))
        self._summarize(rows)
        if start.loss < self.objective_:
            start.restore()
            self._summarize(rows)
        if epochs is None:
            self.above_means_, self.went_back_ = judge_by_the_means(self, rows, start)
            if self.went_back_:
                self._summarize(rows)
        self.valid_objective_ = None if held_out is None else self.evaluate(held_out)
        return self.interrupted_

    def evaluate(self, rows):
        """Return the objective over `rows` with the weights as they are, a float."""
        return sum(self.measure(rows, self.validation_step).values())

    @torch.no_grad()
    def measure(self, rows, step):
        """Return the means over `rows` of what a step answers, with the weights as they are.

        Parameters
        ----------
        rows : TrainingRows
            The rows.
        step : callable
            Maps a batch, rows and weights, to a dict of scalars.
        """
        self._set_training(False)
        return mean_parts(self.get_iterator(rows), step)

    def _summarize(self, rows):
        """Set `objective_`, `code_moments_` and `some_codes_` with the weights as they are."""
        self._set_training(False)
        loss, self.code_moments_, self.some_codes_ = summarize(self, rows)
        self.objective_ = self._finite(loss, "final loss")
