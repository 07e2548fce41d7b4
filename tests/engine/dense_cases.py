"""A dense module, rows and objectives for the tests of the fused step."""

import numpy as np
import torch
from loss_cases import loss_of

from skae.networks import Autoencoder, DenseNetwork, PlainLatent, add_linear_path, start_linear_path
from skae.objectives import Head, ReconstructionObjective, WeightPenalty

N_FEATURES, N_COMPONENTS = 7, 3
PENALTIES = {"none": (0.0, 0.0), "l2": (0.1, 0.0), "l1": (0.1, 1.0), "elastic": (0.1, 0.4)}


def make_module(activation="silu", linear_path=False, hidden=(6, 5), latent=None, **params):
    generator = torch.Generator().manual_seed(0)
    network = DenseNetwork(hidden, activation=activation, **params)
    latent = PlainLatent() if latent is None else latent
    n_outputs = N_COMPONENTS * latent.outputs_per_component
    encoder = network.build_encoder(N_FEATURES, n_outputs, generator)
    decoder = network.build_decoder(N_COMPONENTS, N_FEATURES, generator)
    if linear_path:
        rng = np.random.default_rng(0)
        encoder = add_linear_path(encoder, N_FEATURES, n_outputs)
        decoder = add_linear_path(decoder, N_COMPONENTS, N_FEATURES)
        for half, n_in, n_out in (
            (encoder, N_FEATURES, n_outputs),
            (decoder, N_COMPONENTS, N_FEATURES),
        ):
            start_linear_path(half, rng.normal(size=(n_out, n_in)), rng.normal(size=n_out))
    module = Autoencoder(encoder, decoder, N_COMPONENTS, latent).double()
    with torch.no_grad():
        # The zero layers of a PCA start would hide the gradient of what is before them.
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise)
    return module


def make_rows(n_rows=20):
    generator = torch.Generator().manual_seed(1)
    # In the range of every loss, with some targets at the ends of it.
    rows = torch.rand(n_rows, N_FEATURES, generator=generator, dtype=torch.float64)
    return rows.mul_(1.4).sub_(0.2).clamp_(0, 1)


def make_objective(loss="squared_error", penalty="none"):
    return ReconstructionObjective(
        [Head(loss_of(loss, N_FEATURES))], WeightPenalty(*PENALTIES[penalty])
    )
