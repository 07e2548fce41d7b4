"""What a fitted autoencoder does with raw rows, as one torch module to export."""

import math
from copy import deepcopy

import torch
from torch import nn

from skae.estimators import VariationalAutoencoder
from skae.estimators._containers import as_tensor
from skae.objectives import balanced_draws, log_weight, posterior_of


class AutoencoderModule(nn.Module):
    """A fitted autoencoder from rows in the unit of the data to codes, rows and scores.

    Rows are centred and scaled in their own precision, as the estimator does, so that float64
    keeps what is small beside the mean of its column. The network computes in float32 even where
    it was fitted in float64: runtimes lack half of its operations in float64.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Fitted. It is copied, and stays as it is.
    """

    def __init__(self, estimator):
        super().__init__()
        # The copy of an estimator builds its network anew, free of what training left in it.
        estimator = deepcopy(estimator)
        self.network = _never_empty(estimator.net_.module_.cpu().float())
        self.objective = estimator.net_.criterion_.cpu().float()
        self.loss_unit = float(estimator._loss_unit())
        self.register_buffer("mean", as_tensor(estimator.mean_).cpu().double())
        self.register_buffer("scale", torch.tensor(float(estimator.scale_), dtype=torch.float64))

    def codes(self, X):
        """Return the codes of rows in the unit of the data, in their dtype."""
        return self.network.encode(self._scaled(X).float()).to(X.dtype)

    def rows(self, codes):
        """Return rows in the unit of the data, in the dtype of the codes."""
        output = self.network.decode(codes.float())
        rows = self.objective.loss.to_data(output).double() * self.scale + self.mean
        return rows.to(codes.dtype)

    def reconstruction(self, X):
        """Return what the network makes of rows."""
        return self.rows(self.codes(X)).unflatten(1, X.shape[1:])

    def score(self, X):
        """Return how ordinary rows are, in float64."""
        x = self._scaled(X)
        output = self.network(x.float())
        losses = self.objective.row_losses(output.double(), x.double())
        return losses * -self.loss_unit

    def _scaled(self, X):
        # Rows may be images or windows.
        return (X.flatten(1) - self.mean.to(X.dtype)) / self.scale.to(X.dtype)


class VariationalModule(AutoencoderModule):
    """The same for a variational autoencoder, whose scores are log-likelihoods.

    Parameters
    ----------
    estimator : VariationalAutoencoder
        Fitted.
    """

    def __init__(self, estimator):
        super().__init__(estimator)
        self.log_volume = float(estimator._log_volume())
        draws = balanced_draws(estimator.n_draws, estimator.n_components_)
        self.register_buffer("draws", draws.float())

    def score(self, X):
        """Return the importance-weighted bound of rows, in float64."""
        x = self._scaled(X).float()
        mean, log_variance = posterior_of(self.network, x)
        # All draws at once: a loop would be unrolled into a graph of thousands of nodes.
        n_draws = len(self.draws)
        noise = self.draws[:, None].expand(-1, x.shape[0], -1).flatten(0, 1)
        repeated = (values.repeat(n_draws, 1) for values in (x, mean, log_variance))
        weights = log_weight(self.objective, self.network, *repeated, noise)
        bound = weights.unflatten(0, (n_draws, -1)).logsumexp(dim=0) - math.log(n_draws)
        return bound - self.log_volume


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
        if any(isinstance(layer, nn.RNNBase) for layer in half.modules()):
            setattr(network, name, _WithOneMoreRow(half))
    return network


def module_of(estimator):
    """Return the module of a fitted autoencoder."""
    variational = isinstance(estimator, VariationalAutoencoder)
    return (VariationalModule if variational else AutoencoderModule)(estimator)
