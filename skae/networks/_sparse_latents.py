"""Latents that make sparse codes."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class RectifiedLatent(nn.Module):
    """Codes are the positive parts of the encoder's outputs: zero or more, and exactly zero."""

    outputs_per_component = 1

    def forward(self, h):
        """Return the codes; see :meth:`PlainLatent.forward`."""
        return h.relu()


class LogisticLatent(nn.Module):
    """Codes are the logistic function of the encoder's outputs: in (0, 1)."""

    outputs_per_component = 1

    def forward(self, h):
        """Return the codes; see :meth:`PlainLatent.forward`."""
        return h.sigmoid()


class TopKLatent(nn.Module):
    """Codes are the k largest positive outputs of the encoder, and zero elsewhere.

    Makhzani and Frey (2013) take the k largest outputs of any sign; that only positive ones
    count follows Gao et al. (2024).

    Parameters
    ----------
    k : int
        Non-zero values in a code at most.
    """

    outputs_per_component = 1

    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, h, voice=None):
        """Return the codes.

        Parameters
        ----------
        h : tensor of shape (n_samples, n_components)
            What the encoder gave.
        voice : tensor of shape (n_components,) or None, default=None
            By what the units are multiplied for the choice alone.

        Returns
        -------
        codes : tensor of shape (n_samples, n_components)
        """
        positive = h.relu()
        return _kept(positive, positive if voice is None else positive * voice, self.k)


class BatchTopKLatent(nn.Module):
    """Codes are the n * k largest positive outputs for the n rows of a batch together.

    A row that needs more units takes them from one that needs fewer (Bussmann et al., 2024).
    Outside training a row has no batch: what exceeds a threshold is kept, the running mean of
    the largest value that training left out.

    Parameters
    ----------
    k : int
        Non-zero values in a code on average.
    """

    outputs_per_component = 1

    # How much of the threshold the next batch leaves; batches agree well on it, and it has to
    # follow the weights.
    momentum = 0.9

    def __init__(self, k):
        super().__init__()
        self.k = k
        self.register_buffer("threshold", torch.tensor(torch.nan))

    def forward(self, h, voice=None):
        """Return the codes; see :meth:`TopKLatent.forward`."""
        positive = h.relu()
        if not self.training:
            return positive * (positive > self.threshold)
        flat, k = positive.view(1, -1), len(h) * self.k
        self._learn_threshold(flat, k)
        heard = flat if voice is None else (positive * voice).view(1, -1)
        return _kept(flat, heard, k).view_as(h)

    @torch.no_grad()
    def _learn_threshold(self, flat, k):
        # The largest value that is not kept, if the values themselves decide.
        below = flat.topk(min(k + 1, flat.shape[1])).values[0, -1]
        known = torch.where(self.threshold.isnan(), below, self.threshold)
        self.threshold.copy_(known.lerp(below.to(known), 1 - self.momentum))


def _kept(values, heard, k):
    """Return the values at the k largest of `heard` in each row, and zero elsewhere."""
    if k >= values.shape[1]:
        return values
    places = heard.detach().topk(k, sorted=False).indices
    return torch.zeros_like(values).scatter(1, places, values.gather(1, places))


@torch.no_grad()
def start_tied(autoencoder):
    """Make the encoder's last layer the transposed dictionary, whose columns become unit vectors.

    Each unit then reads what it writes, and few are dead from the start. Where a half begins
    or ends with another layer, nothing is changed.

    Parameters
    ----------
    autoencoder : Autoencoder
        With its initial weights.
    """
    dictionary, last = autoencoder.dictionary, _last_layer(autoencoder.encoder)
    if dictionary is None or not isinstance(last, nn.Linear):
        return
    if last.weight.shape == dictionary.T.shape:
        dictionary.copy_(F.normalize(dictionary, dim=0))
        last.weight.copy_(dictionary.T)
        last.bias.zero_()


@torch.no_grad()
def start_active(autoencoder, share):
    """Set the bias that ends the encoder so that logistic codes start near a mean.

    Parameters
    ----------
    autoencoder : Autoencoder
        With its initial weights.
    share : float
        The mean, in (0, 1).
    """
    if autoencoder.code_bias is not None:
        autoencoder.code_bias.fill_(math.log(share / (1 - share)))


def _last_layer(module):
    return [m for m in module.modules() if not list(m.children())][-1]
