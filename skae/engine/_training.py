"""The training of one net: a loop over epochs, its setup, and the choice of weights at the end."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import torch
from skorch.helper import predefined_split

from ._batches import Batches, MeasuredBatches
from ._callbacks import wants_batches
from ._column_means import judge_by_the_means
from ._early_stopping import BestWeights
from ._history import drop_unfinished_epoch, record_columns, record_epoch
from ._precision import products_in
from ._schedules import SCHEDULES
from ._summary import settle, summarize
from ._together import trained_by
from ._training_rows import TrainingRows
from .distributed import ONE_RANK, OneRank

if TYPE_CHECKING:
    from ._net import AutoencoderNet


class EpochLoop:
    """The epochs of a net, by default as many as its `max_epochs`.

    `run` trains one net. Training in lockstep calls `start_epoch`, takes the steps of several
    nets, and calls `finish_epoch`, for as long as `goes_on`; then `end`. The net's `train_split`
    holds some of the rows out.
    """

    def __init__(self, net: "AutoencoderNet", rows: TrainingRows, n_epochs: int | None = None):
        self.net = net
        self._train, self._valid = net.get_split_datasets(rows)
        self._epochs_left = net.max_epochs if n_epochs is None else n_epochs
        net.listens_to_batches_ = any(wants_batches(callback) for _, callback in net.callbacks_)
        self.batches: Batches = net.get_iterator(self._train, training=True)
        net.steps_done_, net.n_steps_ = 0, self._epochs_left * len(self.batches)
        schedule = SCHEDULES[net.learning_rate]
        net.schedule_ = schedule(net.optimizer_, net.n_steps_, net.patience)
        self._best = BestWeights((net.module_, net.criterion_), net.tol, net.patience)
        net.stopped_ = net.interrupted_ = False

    def run(self) -> None:
        """Run all epochs; an interrupt from the keyboard ends them early.

        On several ranks it is an error, as the others may have taken another number of steps.
        """
        try:
            self.measure_start()
            while self.goes_on:
                self.start_epoch()
                self.finish_epoch(self.net.run_batches(self.batches))
        except KeyboardInterrupt:
            if self.net.ranks_.size > 1:
                raise
            self.net.interrupted_ = True
        self.end()

    def measure_start(self) -> None:
        """Judge the weights as they are before the first step, if rows are held out."""
        if self._valid is not None:
            self._best.update(self.net.evaluate(self._valid))

    @property
    def goes_on(self) -> bool:
        """Whether an epoch is to be run, or to be finished."""
        return self.epochs_left > 0

    @property
    def epochs_left(self) -> int:
        """Most epochs that are still to be finished."""
        return 0 if self.net.stopped_ else self._epochs_left

    def start_epoch(self) -> None:
        """Tell the callbacks that an epoch begins."""
        self.net.notify("on_epoch_begin", **self._told)
        self.net.set_mode(training=True)

    def finish_epoch(self, parts: dict[str, float]) -> None:
        """Record an epoch, given the mean parts of the objective, and decide whether to stop."""
        net = self.net
        record_epoch(net, "train", self.batches, parts)
        monitored = net.history[-1]["train_loss"]
        with net.schedule_.kept_weights():
            if self._valid is not None:
                batches = MeasuredBatches(self._valid, net.ranks_)
                record_epoch(net, "valid", batches, net.measure_batches(batches))
                monitored = net.history[-1]["valid_loss"]
                record_columns(net, "valid", self._valid)
            else:
                record_columns(net, "train", self._train)
            self._best.update(monitored, net.schedule_.warming_up)
            net.schedule_.after_epoch(monitored)
            net.notify("on_epoch_end", **self._told)
        # Without validation rows a schedule that is planned to its end is run to its end: the
        # training loss rests while the rate is high and falls when it comes down.
        may_stop = self._valid is not None or not net.schedule_.planned
        net.stopped_ = net.ranks_.any(net.stopped_ or (may_stop and self._best.exhausted))
        self._epochs_left -= 1

    def end(self) -> None:
        """Keep the best weights that were seen, if rows are held out or training was cut short."""
        net = self.net
        if net.interrupted_:
            drop_unfinished_epoch(net, "train_loss" if self._valid is None else "valid_loss")
        if self._valid is not None or net.interrupted_:
            self._best.restore()
        else:
            net.schedule_.end()
        net.converged_ = net.stopped_ or net.schedule_.planned

    @property
    def _told(self) -> dict[str, TrainingRows | None]:
        return {"dataset_train": self._train, "dataset_valid": self._valid}


class Training:
    """A training of a net from the weights and the optimizer as they are.

    As a context manager it sets the net up and, however training ends, removes from it what
    only training needs. `run` does the whole training; `settle` follows the last step.

    `train` and `valid` are indices of the rows to train on and of the held-out rows, whose loss
    stops training and chooses the weights. Without them training is on all rows and the last
    weights are kept. With `epochs`, `rows` are one chunk of many; by default the net's
    `max_epochs` are run. With `from_scratch` warm-up terms start at zero. With `never_worse`
    training is undone if the objective over all rows ends above its start. `ranks` are the
    processes that train the net together, each of which calls `run`.

    Afterwards the net has

    - `objective_` and `valid_objective_`: the objective over all rows with the weights that are
      kept, and over the held-out rows, or None;
    - `code_moments_` and `some_codes_`: see `summarize`;
    - `interrupted_` and `converged_`: whether the keyboard ended training, and whether early
      stopping did or the schedule is planned to its end;
    - without `epochs`, `above_means_` and `went_back_`: the errors of the fit and of the column
      means if the first is larger, else None, and whether training was undone for that reason,
      which happens only where the start is better than the means.
    """

    # Only inside the context.
    loop: EpochLoop

    def __init__(
        self,
        net: "AutoencoderNet",
        rows: TrainingRows,
        train: np.ndarray | None = None,
        valid: np.ndarray | None = None,
        *,
        epochs: int | None = None,
        from_scratch: bool = True,
        never_worse: bool = False,
        verbose: int = 0,
        ranks: OneRank = ONE_RANK,
    ):
        self.net, self.rows, self.epochs = net, rows, epochs
        self._rows_in_use = rows if train is None else rows.subset(train)
        self._held_out = None if valid is None else rows.subset(valid)
        self._from_scratch = from_scratch
        self._never_worse = never_worse and net.can_go_back
        # Only rank 0 prints.
        self._verbose = verbose if ranks.rank == 0 else 0
        self.ranks = ranks

    def run(self) -> None:
        """Train the net."""
        with trained_by(self.ranks, self.net, self._rows_in_use, self._held_out):
            with self:
                self.loop.run()
            self.settle()

    def __enter__(self) -> "Training":
        net = self.net
        net.from_scratch_ = self._from_scratch
        self._start = BestWeights((net.module_, net.criterion_))
        if self._never_worse:
            self._start.update(net.evaluate(self.rows))
        elif self.epochs is None:
            self._start.keep()
        net.train_split = None if self._held_out is None else predefined_split(self._held_out)
        net.verbose = self._verbose
        with ExitStack() as stack:
            stack.callback(self._clean_up)
            stack.enter_context(products_in(net.precision, torch.device(net.device)))
            net.notify("on_train_begin", X=self._rows_in_use, y=None)
            self.loop = EpochLoop(net, self._rows_in_use, self.epochs)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._stack:
            if kind is None:
                self.net.notify("on_train_end", X=self._rows_in_use, y=None)

    def _clean_up(self) -> None:
        # The net outlives training and should keep neither the data nor copies of itself.
        net = self.net
        net.forget_training()
        net.train_split = net.schedule_ = None
        net.verbose = 0
        vars(self).pop("loop", None)

    def settle(self) -> None:
        """Decide which weights are kept, and measure objective and codes with them."""
        net, start, whole = self.net, self._start, self.epochs is None
        (settle if whole else summarize)(net, self.rows)
        if start.loss < net.objective_:
            start.restore()
            summarize(net, self.rows)
        if whole:
            net.above_means_, net.went_back_ = judge_by_the_means(net, self.rows, start)
            if net.went_back_:
                summarize(net, self.rows)
        net.valid_objective_ = None if self._held_out is None else net.evaluate(self._held_out)
