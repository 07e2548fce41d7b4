"""What a fitted autoencoder does with raw rows, as one torch module to export."""

import math
from copy import copy

import torch
from torch import nn

from skae.estimators import VariationalAutoencoder
from skae.networks import (
    BatchTopKLatent,
    Dropout,
    GaussianLatent,
    LogisticLatent,
    PlainLatent,
    RectifiedLatent,
    TopKLatent,
)
from skae.objectives import balanced_draws, log_weight, posterior_of
from skae.tables import as_tensor

# Layers all of whose operations ONNX Runtime has in float64, too.
_IN_FLOAT64 = (
    BatchTopKLatent,
    Dropout,
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
    """A fitted autoencoder from rows in the unit of the data to codes, rows and scores.

    Rows are centred and scaled in their own precision, as the estimator does, so that float64
    keeps what is small beside the mean of its column. The network computes in float32, or in
    float64 where it was fitted so and ONNX Runtime can.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Fitted. It is copied, and stays as it is.
    single : bool, default=False
        Whether the network computes in float32 in any case.
    """

    def __init__(self, estimator, single=False):
        super().__init__()
        # The copy of an estimator builds its network anew, free of what training left in it.
        estimator = copy(estimator)
        self.row_shape = estimator._row_shape or (estimator.n_features_in_,)
        network = estimator.net_.module_.cpu()
        self.dtype = torch.float32 if single else _dtype_of(network)
        self.network = _never_empty(network.to(self.dtype))
        self.objective = estimator.net_.criterion_.cpu().to(self.dtype)
        self.register_buffer("mean", as_tensor(estimator.mean_).cpu().double())
        self._set_number("scale", estimator.scale_)
        self._set_number("loss_unit", estimator._loss_unit())

    def codes(self, X):
        """Return the codes of rows in the unit of the data, in their dtype."""
        return self.network.encode(self._scaled(X).to(self.dtype)).to(X.dtype)

    def rows(self, codes):
        """Return rows in the unit of the data, in the dtype of the codes."""
        output = self.network.decode(codes.to(self.dtype))
        rows = self.objective.to_data(output).double() * self.scale + self.mean
        return rows.to(codes.dtype)

    def shaped_rows(self, codes):
        """Return the same in the shape of the training rows, which may be images or windows."""
        return self.rows(codes).unflatten(1, self.row_shape)

    def reconstruction(self, X):
        """Return what the network makes of rows."""
        return self.rows(self.codes(X)).unflatten(1, X.shape[1:])

    def score(self, X):
        """Return how ordinary rows are, in float64."""
        x = self._scaled(X)
        output = self.network(x.to(self.dtype))
        losses = self.objective.row_losses(output.double(), x.double())
        return losses * -self.loss_unit

    def _set_number(self, name, value):
        """Set a number in float64: of plain ones the exporter makes float32."""
        self.register_buffer(name, torch.tensor(float(value), dtype=torch.float64))

    def _scaled(self, X):
        # Rows may be images or windows.
        return (X.flatten(1) - self.mean.to(X.dtype)) / self.scale.to(X.dtype)


class VariationalModule(AutoencoderModule):
    """The same for a variational autoencoder, whose scores are log-likelihoods.

    Parameters
    ----------
    estimator, single : object
        See `AutoencoderModule`.
    """

    def __init__(self, estimator, single=False):
        super().__init__(estimator, single)
        # Of a mean of the draws, and of rows in the unit of the data.
        self._set_number("log_unit", math.log(estimator.n_draws) + estimator._log_volume())
        draws = balanced_draws(estimator.n_draws, estimator.n_components_)
        self.register_buffer("draws", draws.to(self.dtype))

    def score(self, X):
        """Return the importance-weighted bound of rows, in float64."""
        x = self._scaled(X).to(self.dtype)
        mean, log_variance = posterior_of(self.network, x)
        # All draws at once: a loop would be unrolled into a graph of thousands of nodes.
        n_draws = len(self.draws)
        noise = self.draws[:, None].expand(-1, x.shape[0], -1).flatten(0, 1)
        repeated = (values.repeat(n_draws, 1) for values in (x, mean, log_variance))
        weights = log_weight(self.objective, self.network, *repeated, noise)
        return weights.unflatten(0, (n_draws, -1)).logsumexp(dim=0) - self.log_unit


class _WithOneMoreRow(nn.Module):
    """A module that sees one row more than there are: of zeros, which stand for the mean."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        """Return what the module returns for the rows."""
        return self.module(torch.cat([x, x.new_zeros(1, x.shape[1])]))[:-1]


def _never_empty(network):
    """Keep empty batches from recurrent layers: ONNX Runtime ends the process at one."""
    for name in ("encoder", "decoder"):
        half = getattr(network, name)
        # Of an estimator that is only one half the other one is None.
        if half is not None and any(isinstance(layer, nn.RNNBase) for layer in half.modules()):
            setattr(network, name, _WithOneMoreRow(half))
    return network


def _dtype_of(network):
    """Return the type of a network, but float32 if a layer has no kernel for float64."""
    layers = [layer for layer in network.modules() if not list(layer.children())]
    if all(isinstance(layer, _IN_FLOAT64) for layer in layers):
        return next(network.parameters()).dtype
    return torch.float32


def module_of(estimator, single=False):
    """Return the module of a fitted autoencoder; see `AutoencoderModule`."""
    variational = isinstance(estimator, VariationalAutoencoder)
    return (VariationalModule if variational else AutoencoderModule)(estimator, single)
