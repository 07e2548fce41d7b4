"""The module that every estimator trains."""

import torch
from torch import nn


class Autoencoder(nn.Module):
    """An encoder and a decoder, with the scale in which codes leave.

    Training runs ``decoder(encoder(x))``. Afterwards `code_mean` and `code_scale` are
    set so that :meth:`encode` gives codes of zero mean and unit variance;
    :meth:`decode` undoes it, so reconstructions do not change.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        See :meth:`Network.build`.
    n_components : int
        Width of the code.
    """

    # What a training engine that does not call `forward` may take this class to compute.
    fused_as = "autoencoder"

    def __init__(self, encoder, decoder, n_components):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.register_buffer("code_mean", torch.zeros(n_components))
        self.register_buffer("code_scale", torch.ones(n_components))

    def forward(self, x):
        """Return the raw reconstruction of `x`, before any link function."""
        return self.decoder(self.encoder(x))

    def encode(self, x):
        """Return the standardised codes of `x`."""
        return (self.encoder(x) - self.code_mean) / self.code_scale

    def decode(self, codes):
        """Return the raw reconstruction of standardised `codes`."""
        return self.decoder(codes * self.code_scale + self.code_mean)
