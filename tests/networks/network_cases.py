"""What the tests of networks share."""

import torch
from torch import nn


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=seeded(seed))


def halves(network, n_features, n_components, generator=None):
    """Both halves of an autoencoder as a network describes them."""
    generator = seeded() if generator is None else generator
    encoder = network.build_encoder(n_features, n_components, generator)
    return encoder, network.build_decoder(n_components, n_features, generator)


def widths(module):
    """The (in, out) widths of the linear layers, in order."""
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]
