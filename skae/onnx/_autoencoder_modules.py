"""A fitted autoencoder as one torch module to export, from raw rows to each of its answers."""

import math
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skae.estimators.base import BaseAutoencoder
from skae.networks import (
    BatchTopKLatent,
    CountInput,
    Dropout,
    GapInput,
    GaussianLatent,
    LogisticLatent,
    PlainLatent,
    RectifiedLatent,
    TopKLatent,
)
from skae.objectives._bounds import balanced_draws, log_weight, posterior_of
from skae.objectives._variational import VariationalObjective
from skae.tables import MixedTable, NumericTable, TableSchema
from skae.tables.columns import CategoryColumn

from ._estimators import shapes_of

# Layers all of whose operations ONNX Runtime has in float64, too.
_IN_FLOAT64 = (
    BatchTopKLatent,
    CountInput,
    Dropout,
    GapInput,
    GaussianLatent,
    LogisticLatent,
    PlainLatent,
    RectifiedLatent,
    TopKLatent,
    nn.BatchNorm1d,
    nn.Identity,
    nn.LayerNorm,
    nn.Linear,
    nn.ReLU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
)


class AutoencoderModule(nn.Module):
    """Codes, reconstructions and scores of a fitted autoencoder, which stays as it is.

    Rows are centred and scaled in their own precision, as the estimator does, so that float64
    keeps what is small beside the mean of its column. The network computes in float32 if `single`
    says so; otherwise in float64 if it was fitted in it and ONNX Runtime has its layers.
    """

    def __init__(self, estimator: BaseAutoencoder, single: bool = False):
        super().__init__()
        # The copy of an estimator builds its network anew, free of what training left in it.
        estimator = copy(estimator)
        network, objective = estimator.net_.module_.cpu(), estimator.net_.criterion_.cpu()
        self.dtype = torch.float32 if single else dtype_of(network)
        self.network: Any = _never_empty(network.to(self.dtype))
        self.objective: Any = objective.to(self.dtype)
        self.decoded_shape = shapes_of(estimator).decoded
        table = estimator._table
        # After a fit of pairs the decoder answers rows of another unit.
        answers = estimator._target or table
        self.mean, self.scale = _unit_of(table)
        self.mean_of_answers, self.scale_of_answers = _unit_of(answers)
        self.bounds: nn.Module = nn.Identity()
        if isinstance(answers, MixedTable):
            self.bounds = ColumnBounds(answers.schema)
        # A gap is the mean of its column, unless the first layer takes gaps.
        knows_gaps = isinstance(table, MixedTable) or table.means is not None
        self.fills_gaps = estimator._fills_gaps and not knows_gaps
        self.answers_itself = answers is table
        self.loss_unit = _number(estimator._loss_unit())

    def codes(self, X: Tensor) -> Tensor:
        """Return the codes of rows in the unit of the data, in their dtype."""
        return self.network.encode(self._scaled(X).to(self.dtype)).to(X.dtype)

    def rows(self, codes: Tensor, X: Tensor | None = None) -> Tensor:
        """Return flat rows in the unit of the data, in the dtype of the codes.

        `X` is the rows that the codes are of, where they are known.
        """
        output = self.network.decode(codes.to(self.dtype))
        seen = None if X is None else self._scaled(X).to(self.dtype)
        rows = self.objective.to_data(output, seen).double()
        rows = rows * self.scale_of_answers + self.mean_of_answers
        return self.bounds(rows).to(codes.dtype)

    def reconstruction(self, X: Tensor) -> Tensor:
        """Return rows that were encoded and decoded again, in the shape of `X`."""
        return self.rows(self.codes(X), X).unflatten(1, X.shape[1:])

    def score(self, X: Tensor) -> Tensor:
        """Return how ordinary rows are, in float64."""
        x = self._scaled(X)
        output = self.network(x.to(self.dtype))
        if not self.answers_itself:
            rows = X.flatten(1)
            if self.fills_gaps:
                rows = torch.where(rows.isnan(), self.mean.to(X.dtype), rows)
            x = (rows - self.mean_of_answers.to(X.dtype)) / self.scale_of_answers.to(X.dtype)
        losses = self.objective.row_losses(output.double(), x.double())
        return losses * -self.loss_unit

    def codes_and_output(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes, what the decoder gives for them, and the scaled rows."""
        scaled = self._scaled(X)
        codes = self.network.encode(scaled.to(self.dtype))
        return codes, self.network.decode(codes), scaled

    def _scaled(self, X: Tensor) -> Tensor:
        # Rows may be images or windows.
        x = (X.flatten(1) - self.mean.to(X.dtype)) / self.scale.to(X.dtype)
        return torch.where(x.isnan(), 0.0, x) if self.fills_gaps else x


class DecoderModule(AutoencoderModule):
    """The decoder of a fitted autoencoder, which takes codes in place of rows."""

    def reconstruction(self, X: Tensor) -> Tensor:
        """Return rows in the shape of the training rows, which may be images or windows."""
        return self.rows(X).unflatten(1, self.decoded_shape)


class VariationalModule(AutoencoderModule):
    """The same for a variational autoencoder, whose scores are log-likelihoods."""

    def __init__(self, estimator: Any, single: bool = False):
        super().__init__(estimator, single)
        self.log_draws = _number(math.log(estimator.n_draws))
        table, n_columns = estimator._table, math.prod(self.decoded_shape)
        log_scales = np.log(table.scales if isinstance(table, MixedTable) else table.scale)
        self.log_scales = nn.Buffer(torch.tensor(log_scales).expand(n_columns).contiguous())
        draws = balanced_draws(estimator.n_draws, estimator.n_components_)
        self.draws = nn.Buffer(draws.to(self.dtype))

    def score(self, X: Tensor) -> Tensor:
        """Return the importance-weighted bound of rows, in float64."""
        x = self._scaled(X).to(self.dtype)
        # Of rows in the unit of the data, whose gaps have no volume.
        log_volumes = (self.log_scales * ~x.isnan()).sum(dim=1)
        mean, log_variance = posterior_of(self.network, x)
        # All draws at once: a loop would be unrolled into a graph of thousands of nodes.
        n_draws = len(self.draws)
        noise = self.draws[:, None].expand(-1, x.shape[0], -1).flatten(0, 1)
        x, mean, log_variance = (values.repeat(n_draws, 1) for values in (x, mean, log_variance))
        weights = log_weight(self.objective, self.network, x, mean, log_variance, noise)
        return weights.unflatten(0, (n_draws, -1)).logsumexp(dim=0) - self.log_draws - log_volumes


def autoencoder_module(estimator: BaseAutoencoder, single: bool = False) -> AutoencoderModule:
    """Return the module of a fitted autoencoder; its objective says how it scores rows."""
    variational = isinstance(estimator.net_.criterion_, VariationalObjective)
    return (VariationalModule if variational else AutoencoderModule)(estimator, single)


class ColumnBounds(nn.Module):
    """Brings decoded rows to values that the columns of a table could hold."""

    def __init__(self, schema: TableSchema):
        super().__init__()
        numbers = [None if isinstance(c, CategoryColumn) else c for c in schema.columns]
        bounded = [one is not None and not one.is_free for one in numbers]
        pairs = list(zip(numbers, bounded, strict=True))
        low = [one.lowest if one and inside else -math.inf for one, inside in pairs]
        high = [one.highest if one and inside else math.inf for one, inside in pairs]
        steps = [one.step or 0.0 if one else 0.0 for one in numbers]
        self.low, self.high, self.step = (
            nn.Buffer(torch.tensor(values, dtype=torch.float64)) for values in (low, high, steps)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows, in float64, with rounded and clipped cells."""
        step = torch.where(self.step > 0, self.step, 1.0)
        rounded = torch.where(self.step > 0, (rows / step).round() * step, rows)
        return torch.minimum(torch.maximum(rounded, self.low), self.high)


def _unit_of(table: NumericTable | MixedTable) -> tuple[nn.Buffer, nn.Buffer]:
    """Return what is subtracted from rows, and what they are divided by."""
    scale = table.scale
    of_rows = nn.Buffer(scale) if isinstance(scale, Tensor) else _number(scale)
    return nn.Buffer(table.mean.cpu().double()), of_rows


def _number(value: float) -> nn.Buffer:
    """Return a number in float64; the exporter would make float32 of a plain one."""
    return nn.Buffer(torch.tensor(float(value), dtype=torch.float64))


class _WithOneMoreRow(nn.Module):
    """A module that sees one row more than there are: of zeros, which stand for the mean."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(torch.cat([x, x.new_zeros(1, x.shape[1])]))[:-1]


def _never_empty(network: nn.Module) -> nn.Module:
    """Keep empty batches from recurrent layers: ONNX Runtime ends the process at one."""
    for name, half in list(network.named_children()):
        if any(isinstance(layer, nn.RNNBase) for layer in half.modules()):
            setattr(network, name, _WithOneMoreRow(half))
    return network


def dtype_of(network: nn.Module) -> torch.dtype:
    """Return the type of a network, but float32 if a layer has no kernel for float64."""
    layers = [layer for layer in network.modules() if not list(layer.children())]
    if all(isinstance(layer, _IN_FLOAT64) for layer in layers):
        return next(network.parameters()).dtype
    return torch.float32
