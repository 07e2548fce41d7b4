"""Latents that make sparse codes."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skae._shared_batch import all_rows, own_rows

from ._autoencoder import Autoencoder
from ._latents import Latent
from ._layers import leaves_of


class RectifiedLatent(Latent):
    """Codes are the positive parts of the encoder's outputs; many are exactly zero."""

    def forward(self, h: Tensor) -> Tensor:
        """Return the codes."""
        return h.relu()


class LogisticLatent(Latent):
    """Codes are the logistic function of the encoder's outputs: in (0, 1)."""

    def forward(self, h: Tensor) -> Tensor:
        """Return the codes."""
        return h.sigmoid()


class TopKLatent(Latent):
    """Codes are the encoder's k largest positive outputs for each row, and zero elsewhere.

    Makhzani and Frey (2013) keep the k largest outputs of any sign; Gao et al. (2024) only the
    positive ones, as here. `k` is the largest number of non-zero values in a code.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, h: Tensor, boost: Tensor | None = None) -> Tensor:
        """Return the codes; outputs are ranked by their product with `boost`, one per unit."""
        positive = h.relu()
        return _kept(positive, positive if boost is None else positive * boost, self.k)


class BatchTopKLatent(Latent):
    """Codes are the n * k largest positive outputs for the n rows of a batch together.

    A row that needs more units takes them from one that needs fewer (Bussmann et al., 2024); `k`
    is the mean number of non-zero values in a code. Outside training a row has no batch: outputs
    above a threshold are kept, the running mean of the largest output that training dropped.
    """

    # Share of the threshold that the next batch leaves; batches agree well on the threshold, and
    # it has to follow the weights.
    momentum = 0.9

    threshold: Tensor

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("threshold", torch.tensor(torch.nan))

    def forward(self, h: Tensor, boost: Tensor | None = None) -> Tensor:
        """Return the codes; see :meth:`TopKLatent.forward`."""
        positive = h.relu()
        if not self.training:
            return positive * (positive > self.threshold)
        positive = all_rows(positive)
        flat, k = positive.view(1, -1), len(positive) * self.k
        self._update_threshold(flat, k)
        ranked = flat if boost is None else (positive * boost).view(1, -1)
        return own_rows(_kept(flat, ranked, k).view_as(positive))

    @torch.no_grad()
    def _update_threshold(self, flat: Tensor, k: int) -> None:
        # The largest output that is dropped if nothing is boosted.
        below = flat.topk(min(k + 1, flat.shape[1])).values[0, -1]
        known = torch.where(self.threshold.isnan(), below, self.threshold)
        self.threshold.copy_(known.lerp(below.to(known), 1 - self.momentum))


def _kept(values: Tensor, ranked: Tensor, k: int) -> Tensor:
    """Return the values at the k largest of `ranked` in each row, and zero elsewhere."""
    if k >= values.shape[1]:
        return values
    places = ranked.detach().topk(k, sorted=False).indices
    return torch.zeros_like(values).scatter(1, places, values.gather(1, places))


@torch.no_grad()
def start_tied(autoencoder: Autoencoder) -> None:
    """Scale the dictionary's columns to unit norm and copy its transpose to the encoder's end.

    Each unit then reads the direction that it writes, and few units are dead at the start. Nothing
    changes if the encoder does not end, or the decoder not begin, with such a linear layer.
    """
    dictionary, last = autoencoder.dictionary, leaves_of(autoencoder.encoder)[-1]
    if dictionary is None or not isinstance(last, nn.Linear):
        return
    if last.weight.shape == dictionary.T.shape:
        dictionary.copy_(F.normalize(dictionary, dim=0))
        last.weight.copy_(dictionary.T)
        last.bias.zero_()


@torch.no_grad()
def start_active(autoencoder: Autoencoder, share: float) -> None:
    """Set the encoder's last bias so that logistic codes start near the mean `share`."""
    if autoencoder.code_bias is not None:
        autoencoder.code_bias.fill_(math.log(share / (1 - share)))
