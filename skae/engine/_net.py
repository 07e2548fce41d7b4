"""The skorch net that trains every autoencoder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn, optim

from skae._batch import Batch, Parts, total

from ._batches import Batches, MeasuredBatches, mean_parts
from ._capturable import captured, host_state
from ._captured_step import CapturedStep
from ._global_generator import draws_globally, global_generators_from
from ._inference import ChunkedForward
from ._labels import LabelledBatches
from ._observed_net import ObservedNet
from ._precision import PrecisionName, autocast, low_precision
from ._schedules import ScheduleName
from ._training import EpochLoop
from ._training_rows import TrainingRows
from .distributed import ONE_RANK, OneRank
from .fused import FusableNet, FusedStep, assumptions_of, read_net


class AutoencoderNet(ObservedNet):
    """A skorch net whose epochs cost little more than their matrix products.

    It differs from skorch's own net: the objective maps the network and a batch to named parts,
    losses are read once an epoch, batches are cut from a tensor instead of collated row by row,
    random numbers come from the net's own generators, and the best weights are kept. History,
    callbacks and parameters are skorch's; batch callbacks run if one is passed.

    `module` holds its initial weights, and `criterion` is the objective. `random_state` seeds the
    order of the rows, dropout and noise, `learning_rate` is a name in `SCHEDULES`, `precision`
    a `PrecisionName`. `max_grad_norm` is the norm to which the gradient of all parameters
    together is clipped. Training may stop after `patience` epochs in which the monitored loss
    does not improve by the share `tol`. `kwargs` are parameters of skorch.NeuralNet.
    """

    # Whether training may end where it started. The start must then be measured alike.
    can_go_back = True

    # Whether a callback listens to single batches; known once training begins.
    listens_to_batches_ = False

    # The names of columns whose losses are recorded, each by itself.
    column_names_: list[str] | None = None

    # Whether warm-up terms start at zero.
    from_scratch_ = True

    # The processes that train the net; several ones only while they do.
    ranks_: OneRank = ONE_RANK

    # The fused step, if the net has one, and the state for which it was decided.
    _fused: FusedStep | None = None
    _fused_for: Any = None

    # The step recorded as a graph, if it can be.
    _captured: CapturedStep | None = None

    def __init__(
        self,
        module: nn.Module,
        criterion: nn.Module,
        *,
        random_state: int = 0,
        learning_rate: ScheduleName = "constant",
        max_grad_norm: float | None = None,
        precision: PrecisionName = "float32",
        tol: float = 0.0,
        patience: int = 10,
        **kwargs: Any,
    ):
        super().__init__(module, criterion, **kwargs)
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.precision = precision
        self.tol = tol
        self.patience = patience

    def initialize(self) -> "AutoencoderNet":
        """Set up everything that training needs."""
        super().initialize()
        # Parameters and buffers of the objective have the type of the weights.
        self.criterion_.to(next(self.module_.parameters()).dtype)
        self.generator_ = torch.Generator().manual_seed(self.random_state)
        # A separate one, on the net's device: drawing noise does not change the order of the rows.
        self.noise_generator_ = torch.Generator(self.device).manual_seed(self.random_state + 1)
        for module in (*self.module_.modules(), *self.criterion_.modules()):
            if hasattr(module, "generator"):
                module.generator = self.noise_generator_
        self.warm_up_terms_ = [m for m in self.criterion_.modules() if hasattr(m, "progress")]
        self.forward_chunks_ = ChunkedForward(self.module_)
        return self

    def optimizers(self) -> list[optim.Optimizer]:
        """Return all optimizers, to save and restore their state."""
        return [self.optimizer_]

    def generator_states(self) -> list[Tensor]:
        """Return the states of the order's and of the noise's generator."""
        return [g.get_state() for g in (self.generator_, self.noise_generator_)]

    def set_generator_states(self, states: list[Tensor], device: str | torch.device) -> None:
        """Continue the random numbers of a net on `device`; its noise only on the same kind."""
        order, noise = states
        self.generator_.set_state(order)
        if torch.device(device).type == torch.device(self.device).type:
            self.noise_generator_.set_state(noise)

    # -- skorch's seams ---------------------------------------------------------------

    def get_iterator(self, dataset: TrainingRows, training: bool = False) -> Any:
        """Return the batches of an epoch: those to train on, or `MeasuredBatches`."""
        if not training:
            return MeasuredBatches(dataset)
        if dataset.labels is not None:
            return LabelledBatches(dataset, self.batch_size, self.generator_)
        return Batches(dataset, self.batch_size, self.generator_, self.ranks_)

    def fit_loop(
        self, X: TrainingRows, y: None = None, epochs: int | None = None, **kwargs: Any
    ) -> "AutoencoderNet":
        """Run the epochs; see skorch.NeuralNet.fit_loop.

        An interrupt from the keyboard ends training and is remembered in `interrupted_`.
        """
        EpochLoop(self, X, epochs).run()
        return self

    def train_step(self, batch: Batch, **kwargs: Any) -> Parts:
        """Take one step of the optimizer and return the parts of the objective."""
        self.before_step()
        parts = self.take_step(batch) if self._captured is None else self._captured(batch)
        self.after_step()
        return parts

    @torch.no_grad()
    def validation_step(self, batch: Batch, **kwargs: Any) -> Parts:
        """Return the parts of the objective on a batch with the weights as they are."""
        return self.criterion_(self.module_, batch)

    # -- steps ------------------------------------------------------------------------

    def before_step(self) -> None:
        """Tell the warm-up terms how far training is."""
        for term in self.warm_up_terms_:
            term.progress = self.steps_done_ / self.n_steps_ if self.from_scratch_ else 1.0

    def take_step(self, batch: Batch) -> Parts:
        """Take one step on the device; what the host does before and after is left out."""
        parts = self._autograd_step(batch) if self._fused is None else self._fused(batch)
        self.criterion_.after_step(self.module_, self.optimizer_)
        return parts

    def after_step(self) -> None:
        """Move on to the next step."""
        self.schedule_.after_step()
        self.steps_done_ += 1

    def _autograd_step(self, batch: Batch) -> Parts:
        parts: Parts = {}

        def closure() -> Tensor:
            nonlocal parts
            self.optimizer_.zero_grad()
            with autocast(self.precision, batch.x.device):
                parts = self.criterion_(self.module_, batch)
            loss = total(parts.values())
            loss.backward()
            loss = self.ranks_.add_up_gradients(list(self.module_.parameters()), loss)
            if self.listens_to_batches_:
                named = list(self.get_all_learnable_params())
                told = {"batch": (batch.x, batch.expected), "training": True}
                self.notify("on_grad_computed", named_parameters=named, **told)
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.module_.parameters(), self.max_grad_norm)
            return loss

        self.optimizer_.step(closure)
        return parts

    def run_batches(self, batches: Batches) -> dict[str, float]:
        """Take the net's own step on each batch of an epoch; return the mean parts."""
        # A callback may have frozen a layer or changed the optimizer since the last epoch.
        if self._fused_for is None or (self.is_watched and self._fused_for != self.assumptions):
            self.release_fused_step()
            net = self.read(batches.rows)
            self._fused = None if net is None else FusedStep([net], self.ranks_)
            self._captured = captured([self], self.take_step)
            self._fused_for = self.assumptions
        with self._global_generators(), self.ranks_.sharing():
            return self._mean_parts(batches, True, "train", self.train_step)

    def measure_batches(self, batches: MeasuredBatches) -> dict[str, float]:
        """Return the mean parts over held-out batches with the weights as they are."""
        self.set_mode(training=False)
        with self.ranks_.sharing():
            return self._mean_parts(batches, False, "valid", self.validation_step)

    def _mean_parts(
        self,
        batches: Batches | MeasuredBatches,
        training: bool,
        prefix: str,
        step: Callable[[Batch], Parts],
    ) -> dict[str, float]:
        listens = self.listens_to_batches_
        listener = partial(self.tell_batch, training, prefix) if listens else None
        return mean_parts(batches, step, listener, self.ranks_)

    def _global_generators(self) -> AbstractContextManager:
        """Give modules that draw from torch's global generators numbers of the net's own."""
        if not draws_globally(self.module_):
            return nullcontext()
        drawn = torch.randint(2**62, (), generator=self.noise_generator_, device=self.device)
        return global_generators_from(int(drawn), self.device)

    # -- the fused step ---------------------------------------------------------------

    @property
    def assumptions(self) -> Any:
        """The state that a step relies on; when it changes, the step is built again."""
        of_host = None if self._captured is None else host_state(self)
        return assumptions_of(self.module_, self.optimizer_), of_host

    @property
    def pace(self) -> tuple:
        """The state that decides the rate of each step; nets in lockstep must share it."""
        rates = tuple(group["lr"] for group in self.optimizer_.param_groups)
        return rates, self.learning_rate, self.steps_done_, self.n_steps_

    def read(self, rows: TrainingRows) -> FusableNet | None:
        """Return the net as a fused step on such rows reads it, or None if it needs autograd."""
        # A callback that listens to single batches may also change them.
        if self.listens_to_batches_:
            return None
        return read_net(
            self.module_,
            self.criterion_,
            self.optimizer_,
            rows.fields,
            self.max_grad_norm,
            low_precision(self.precision),
        )

    def release_fused_step(self) -> None:
        """Give parameters and optimizer memory of their own."""
        if self._fused is not None:
            self._fused.release()
        self._fused = self._fused_for = self._captured = None

    def forget_training(self) -> None:
        """Drop what only training needs, however it ended."""
        self.release_fused_step()
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        dict(self.callbacks_)["progress_bar"].close()

    # -- measuring without skorch's loop ----------------------------------------------

    def evaluate(self, rows: TrainingRows) -> float:
        """Return the objective over `rows` with the weights as they are."""
        return sum(self.measure(rows, self.validation_step).values())

    @torch.no_grad()
    def measure(self, rows: TrainingRows, step: Callable[[Batch], Parts]) -> dict[str, float]:
        """Return the means over `rows` of the parts of a step, with the weights as they are."""
        self.set_training(False)
        with self.ranks_.sharing():
            return mean_parts(MeasuredBatches(rows, self.ranks_), step, ranks=self.ranks_)
