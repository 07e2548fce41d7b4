"""The penalty on how fast codes change with the rows."""

import torch
from torch import nn
from torch.autograd import grad

from ._random import RandomSource
from ._reconstruction import ReconstructionObjective

# They work on each value alone, so that the gradient of their sum is their slope.
_ACTIVATIONS = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Identity,
)


class ContractiveObjective(ReconstructionObjective):
    """Mean reconstruction loss, plus the squared norm of the encoder's Jacobian.

    The Jacobian is that of the codes divided by their standard deviations over the batch. That
    of the codes themselves would make the encoder shrink and the decoder grow and change
    nothing else, unless they shared their weights as in Rifai et al. (2011).

    It is exact for dense encoders of up to one hidden layer. For others it is the squared
    gradient of one random sum of the codes of each row, which is the same on average
    (Hutchinson, 1990). Signs in front of few codes, whose gradients hardly overlap, vary less
    than directions in the many dimensions of the rows.

    Parameters
    ----------
    loss : Loss
        The reconstruction loss.
    weight_penalty : WeightPenalty
        The penalty on the weights.
    strength : float
        Factor of the squared norm, averaged over the rows.
    """

    def __init__(self, loss, weight_penalty, strength):
        super().__init__(loss, weight_penalty)
        self.strength = strength
        self.spread = CodeSpread()
        self.random = RandomSource()

    def forward(self, autoencoder, x, sample_weight=None):
        """Answer in parts what training minimises on one batch.

        Parameters
        ----------
        autoencoder : Autoencoder
            The network.
        x : tensor of shape (n_samples, n_features)
            Scaled rows.
        sample_weight : tensor of shape (n_samples,) or None
            Weights whose mean over all training rows is one.

        Returns
        -------
        parts : dict of str to tensor
            Scalars that add up to the objective.

        Raises
        ------
        ValueError
            If a batch to train on has only one row.
        """
        # Its gradient with respect to the rows is wanted where nothing is trained, too.
        with torch.enable_grad():
            rows = x.detach().requires_grad_()
            codes = autoencoder.encoder(rows)
            deviations = self.spread(codes, sample_weight).sqrt()
            squares = self._squared_norms(autoencoder.encoder, rows, codes, deviations)
        if sample_weight is not None:
            squares = squares * sample_weight
        output = autoencoder.decoder(codes)
        return {
            "reconstruction": self.reconstruction(output, x, sample_weight),
            "contraction": self.strength * squares.mean(),
            **self.weight_penalty(autoencoder),
        }

    def _squared_norms(self, encoder, x, codes, deviations):
        shallow = _read_shallow(encoder)
        if shallow is not None:
            return shallow.squared_norms(x, deviations)
        signs = torch.empty_like(codes).bernoulli_(0.5, generator=self.random.on(x.device))
        direction = signs.mul_(2).sub_(1) / deviations
        (gradient,) = grad(codes, x, direction, create_graph=True)
        return gradient.square().sum(dim=1)


class CodeSpread(nn.Module):
    """The variance of each code: over a batch, or over all of a measurement so far.

    Batches to train on have about the same size. The last batch of a measurement may be a few
    rows, over which some codes hardly vary by chance.
    """

    def __init__(self):
        super().__init__()
        self._so_far = None

    def train(self, mode=True):
        """Switch between training and measuring."""
        self._so_far = None
        return super().train(mode)

    def forward(self, codes, sample_weight=None):
        """Return the variances, and one for a code that does not vary.

        Parameters
        ----------
        codes : tensor of shape (n_samples, n_components)
            Codes of a batch.
        sample_weight : tensor of shape (n_samples,) or None, default=None
            Weights of the rows.
        """
        if self.training and len(codes) == 1:
            raise ValueError(
                "A contractive autoencoder compares codes with how they vary over the batch, but "
                "a batch has only one row. Use a larger batch_size, or more rows."
            )
        # In sums, not in products, which may be meant to be of low precision.
        codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
        weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight
        share = (weight / weight.sum())[:, None]
        mean = (share * codes).sum(dim=0)
        variance = (share * (codes - mean).square()).sum(dim=0)
        if not self.training:
            mean, variance = self._pooled(weight.sum(), mean.detach(), variance.detach())
        rounding = (10 * torch.finfo(mean.dtype).eps * mean).square()
        return torch.where(variance > rounding, variance, 1.0)

    def _pooled(self, total, mean, variance):
        if self._so_far is not None:
            before, mean_before, variance_before = self._so_far
            share = total / (total + before)
            between = share * (1 - share) * (mean - mean_before).square()
            mean = torch.lerp(mean_before, mean, share)
            variance = torch.lerp(variance_before, variance, share) + between
            total = total + before
        self._so_far = total, mean, variance
        return mean, variance


def _read_shallow(encoder):
    """Return a dense encoder of at most one hidden layer, or None if it is anything else."""
    linear = None
    if _fused_as(encoder) == "linear path":
        encoder, linear = encoder.deep, encoder.linear
    layers = [*encoder] if type(encoder) is nn.Sequential else [encoder]
    dense = all(_is_linear(layer) for layer in layers[::2])
    known = all(type(activation) in _ACTIVATIONS for activation in layers[1::2])
    return _Shallow(layers, linear) if len(layers) in (1, 3) and dense and known else None


def _fused_as(module):
    """Return what a module's class itself declares to compute; a subclass may differ."""
    return vars(type(module)).get("fused_as")


def _is_linear(module):
    return type(module) is nn.Linear or _fused_as(module) == "linear"


class _Shallow:
    """A dense encoder of at most one hidden layer, and the linear path beside it."""

    def __init__(self, layers, linear):
        self.layers, self.linear = layers, linear

    def squared_norms(self, x, deviations):
        """Return the squared norm of the Jacobian of codes divided by their deviations.

        With s the slopes of the hidden units of a row, the Jacobian is ``W2 diag(s) W1 + L``,
        and its squared norm a quadratic function of s.
        """
        last = self.layers[-1].weight / deviations[:, None]
        beside = 0.0 if self.linear is None else self.linear.weight / deviations[:, None]
        if len(self.layers) == 1:
            return (last + beside).square().sum().expand(len(x))
        first, activation, _ = self.layers
        z = first(x)
        (slopes,) = grad(activation(z).sum(), z, create_graph=True)
        quadratic = (last.T @ last) * (first.weight @ first.weight.T)
        squares = ((slopes @ quadratic) * slopes).sum(dim=1)
        if self.linear is None:
            return squares
        across = (last * (beside @ first.weight.T)).sum(dim=0)
        return squares + 2 * slopes @ across + beside.square().sum()
