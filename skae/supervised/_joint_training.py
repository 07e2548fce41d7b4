"""Training of an autoencoder with a head: no other file here calls what is inside of estimators."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import is_classifier
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from skae._compat import validate_params
from skae._threads import threads_for
from skae.engine import OPTIMIZERS, Labels, TrainingRows, run_epochs
from skae.estimators.base import (
    BaseAutoencoder,
    resolve_batch_size,
    resolve_hidden_layer_sizes,
    warn_of_ignored_parameters,
)
from skae.networks import SupervisedAutoencoder, make_head, rescale_inputs, start_linear_path
from skae.objectives import (
    LABEL_LOSSES,
    ClassPrior,
    LabelLoss,
    SupervisedObjective,
    VirtualAdversary,
)
from skae.objectives._variational import PosteriorDraw
from skae.tables import validate_new_rows

from ._fitted_head import FittedHead
from ._frozen_layers import frozen_modules
from ._guesser import LinearModel

# Epochs of a training where their number is not given, and the least and the most steps then. More
# epochs learn wrong guesses by heart.
_EPOCHS, _LEAST_STEPS, _MOST_STEPS = 10, 300, 1_500

# Rows whose nearest neighbour is looked for, and those among which it is.
_ASKED, _NEIGHBOURS = 1_000, 10_000

# Rows that are read at once.
_BLOCK = 4_096


@dataclass
class FittedRows:
    """A fitted autoencoder, and the rows that it was fitted on or goes on with."""

    autoencoder: BaseAutoencoder
    rows: TrainingRows
    # Rows as they were validated, in the caller's unit.
    _validated: Any

    @classmethod
    def of(
        cls, autoencoder: Any, X: Any, weight: np.ndarray | None, freeze: int | str | None
    ) -> Self:
        """Return them for rows of weights above zero; an autoencoder that is not fitted is.

        What `freeze` cannot mean for its layers is refused before a fit, and so are classes beside
        the codes.
        """
        if getattr(autoencoder, "conditional", False):
            raise ValueError(
                "autoencoder has conditional=True: its decoder is told the class, so that its "
                "codes leave the class out, and a head on them has nothing to learn from. Use an "
                "autoencoder with conditional=False."
            )
        if hasattr(autoencoder, "net_"):
            if autoencoder._target is not None:
                raise ValueError(
                    "autoencoder was fitted on pairs, fit(X, y), and reconstructs something else "
                    "than the rows. Use one that was fitted on rows alone."
                )
            # Later training works on a copy of the net.
            autoencoder = autoencoder._snapshot()
            validated = autoencoder._validated(X, None, weight, 1, reset=False)
        else:
            validate_params(autoencoder)
            warn_of_ignored_parameters(autoencoder)
            validated = autoencoder._validated(X, None, weight, 2, reset=True)
            training = autoencoder._prepare_fit(validated, continued=False)
            frozen_modules(autoencoder.net_.module_, freeze)
            autoencoder._run(training)
        rows = autoencoder._training_rows(validated)
        return cls(autoencoder, rows, validated)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def weight(self) -> np.ndarray | None:
        """Weights of the rows, with a mean of one; None is one for each."""
        return self._validated.weight

    def answers(self, autoencoder: Any, head: FittedHead) -> np.ndarray:
        """Return the answers of a head to the rows."""
        return _answers(autoencoder, head, self._validated.X)

    def codes_of(self, autoencoder: Any) -> np.ndarray:
        """Return codes of the rows in the scale that the head sees in training."""
        module = autoencoder.net_.module_
        codes = autoencoder._encode_rows(self._validated.X).cpu().double()
        scale = module.code_scale.cpu().double()
        return (codes * (scale / self._scale_of(module))).numpy()

    def _scale_of(self, module: nn.Module) -> float:
        """Return the divisor of codes, one for all.

        With it they have as much variance together as the inputs of the encoder, of unit variance
        each, so that linear models of codes and of rows are penalised alike.
        """
        scale: Any = module.code_scale
        variance = float(scale.double().square().sum())
        return math.sqrt(variance / self.n_inputs)

    @property
    def n_inputs(self) -> int:
        """The number of inputs of a row; of columns with gaps, indicators are inputs as well."""
        return self.inputs(np.arange(1)).shape[1]

    def inputs(self, places: np.ndarray) -> np.ndarray:
        """Return the rows at some places as the first layer after that of columns sees them."""
        module: Any = self.autoencoder.net_.module_
        found = []
        # The rows keep the buffer of the longest block that was read.
        for first in range(0, len(places), _BLOCK):
            selection = torch.from_numpy(places[first : first + _BLOCK]).to(self.rows.index_device)
            with torch.no_grad():
                block = module.encoder_parts[0](self.rows.read(selection).x)
            # A copy: the next block is read to the same place.
            found.append(block.to("cpu", torch.float64, copy=True).numpy())
        return np.concatenate(found)

    def distance_of_neighbours(self, rng: np.random.RandomState) -> float:
        """Return the median distance of a row from the nearest that differs, in scaled units."""
        inputs = self.inputs(rng.permutation(len(self))[:_NEIGHBOURS])
        distinct = rng.permutation(np.unique(inputs, axis=0))
        if len(distinct) < 2:
            return 0.0
        # The nearest of all is the row itself.
        found = NearestNeighbors(n_neighbors=2).fit(distinct)
        return float(np.median(found.kneighbors(distinct[:_ASKED])[0][:, 1]))


def encode(autoencoder: Any, X: Any, method: str) -> np.ndarray:
    """Return the codes of rows that a method was given."""
    rows, _ = validate_new_rows(autoencoder, X, method)
    return autoencoder._encode_rows(rows).cpu().numpy()


def answer(autoencoder: Any, head: FittedHead, X: Any, method: str) -> np.ndarray:
    """Return the answers of a head to rows that a method was given, in float64."""
    rows, _ = validate_new_rows(autoencoder, X, method)
    return _answers(autoencoder, head, rows)


def _answers(autoencoder: Any, head: FittedHead, X: Any) -> np.ndarray:
    rows = autoencoder._rows_to_encode(X)
    # As the encoder goes through rows, so that a row alone is answered as it is among others.
    module = head.module().to(next(autoencoder.net_.module_.parameters()))
    answers = torch.empty(len(rows), head.n_answers, dtype=torch.float64, device=rows.device)
    autoencoder._fill(answers, rows, lambda x: module(autoencoder._encode(x)))
    return answers.cpu().numpy()


@dataclass
class Trained:
    """An autoencoder whose codes a head answers, and the net that trained both."""

    autoencoder: Any
    head: nn.Module
    net: Any


@dataclass
class Weights:
    """Weights in the objective, and the radius of the virtual adversary, in scaled units.

    `supervised` is the share of the loss of the labels, and `consistency` is relative to it.
    """

    supervised: float
    consistency: float
    radius: float


def train_with_head(
    fitted: FittedRows,
    labels: Labels,
    held_out: np.ndarray,
    start: LinearModel,
    expected: Tensor,
    weights: Weights,
    params: Any,
    seed: int,
) -> Trained:
    """Train a copy of the autoencoder together with a head that starts as a linear model.

    `expected` is the mean of the answers to all rows. Rows in the mask `held_out` judge the epochs,
    if there are any. `params` is the estimator whose parameters say the rest.
    """
    autoencoder: Any = fitted.autoencoder._snapshot()
    autoencoder._renew_net()
    of_autoencoder = autoencoder.net_
    module = of_autoencoder.module_
    scale = fitted._scale_of(module)
    supervised = SupervisedAutoencoder(
        module, _head(start, params, seed), frozen_modules(module, params.freeze)
    )
    supervised.code_scale.fill_(scale)
    supervised.to(next(module.parameters()))
    # A frozen encoder leaves nothing to reconstruct for.
    own_weight = 0.0 if params.freeze == "encoder" else 1 - weights.supervised
    prior = _class_prior(autoencoder, expected, params) if own_weight else None
    objective = _objective(
        of_autoencoder.criterion_,
        own_weight,
        LABEL_LOSSES[params.loss],
        weights,
        None if labels.given.all() else expected,
        prior,
    )
    net = autoencoder._net_class(
        supervised,
        objective,
        optimizer=OPTIMIZERS["adamw"],
        lr=float(params.learning_rate_init),
        learning_rate="one_cycle",
        batch_size=_batch_size(labels, params.batch_size),
        precision=autoencoder.precision,
        patience=params.n_iter_no_change,
        random_state=seed,
        device=of_autoencoder.device,
        train_split=None,
        verbose=params.verbose,
    ).initialize()
    rows = fitted.rows.with_labels(labels)
    judges = rows.subset(np.flatnonzero(held_out)) if held_out.any() else None
    rows = rows.subset(np.flatnonzero(~held_out)) if held_out.any() else rows
    if prior is not None:
        net.set_training(False)
        prior.start(module, net.get_iterator(rows))
    n_batches = len(net.get_iterator(rows, training=True))
    n_steps = np.clip(_EPOCHS * n_batches, _LEAST_STEPS, _MOST_STEPS)
    n_epochs = params.max_iter or math.ceil(n_steps / n_batches)
    net.set_params(max_epochs=int(n_epochs))
    with threads_for(net.batch_size * sum(p.numel() for p in supervised.parameters())):
        run_epochs(net, rows, judges)
    module.requires_grad_(True)
    _settle(autoencoder, supervised, fitted)
    return Trained(autoencoder, supervised.head.requires_grad_(False), net)


def _head(start: LinearModel, params: Any, seed: int) -> nn.Module:
    """Return a head whose linear path is the linear model."""
    n_answers, n_codes = start.coefficients.shape
    sizes = resolve_hidden_layer_sizes(params.hidden_layer_sizes)
    generator = torch.Generator().manual_seed(seed)
    head = make_head(n_codes, n_answers, sizes, params.activation, params.dropout, generator)
    start_linear_path(head, start.coefficients, start.intercepts)
    return head


def _class_prior(autoencoder: Any, shares: Tensor, params: Any) -> ClassPrior | None:
    """Return a prior of codes by class, for a classifier whose autoencoder is variational."""
    draw = getattr(autoencoder.net_.criterion_, "code_term", None)
    if is_classifier(params) and isinstance(draw, PosteriorDraw):
        return ClassPrior(shares, autoencoder.n_components_)
    return None


def _objective(
    own: Any,
    own_weight: float,
    loss: LabelLoss,
    weights: Weights,
    expected: Tensor | None,
    prior: ClassPrior | None,
) -> SupervisedObjective:
    weight, consistency_weight = weights.supervised, weights.supervised * weights.consistency
    adversary = VirtualAdversary(loss, weights.radius) if weights.radius else None
    return SupervisedObjective(
        own, loss, weight, own_weight, adversary, consistency_weight, expected, prior
    )


def _batch_size(labels: Labels, batch_size: int | str) -> int:
    """Return how many rows a batch takes of those without a given label, or else of all."""
    n_others = int((~labels.given).sum())
    return resolve_batch_size(batch_size, n_others or len(labels.given))


def _settle(autoencoder: Any, supervised: SupervisedAutoencoder, fitted: FittedRows) -> None:
    """Measure the codes of the trained autoencoder anew; the head then takes what it gives."""
    before = supervised.code_mean, supervised.code_scale
    autoencoder._measure_again(fitted.rows)
    module = autoencoder.net_.module_
    shift = (module.code_mean - before[0]) / before[1]
    rescale_inputs(supervised.head, module.code_scale / before[1], shift)
