"""The part of a trained network that belongs to the first components of its codes."""

import numpy as np
import torch

from skae.networks import Autoencoder


def truncated_weights(
    weights: dict[str, np.ndarray], module: Autoencoder, n_components: int
) -> dict[str, np.ndarray]:
    """Return the weights of a network of `n_components`, cut to those of its first components.

    `module` is the same network made for fewer components. Raise a ValueError if the two differ
    in more than the components that are left out.
    """
    cut, kept = {}, len(module.code_mean)
    for name, wanted in module.state_dict().items():
        found = weights[name].shape
        differing = [
            axis
            for axis, sizes in enumerate(zip(found, wanted.shape, strict=False))
            if len({*sizes}) > 1
        ]
        if any((found[axis], wanted.shape[axis]) != (n_components, kept) for axis in differing):
            raise _not_truncatable(f"its {name!r} has another shape with fewer components")
        index = tuple(slice(size) for size in wanted.shape)
        cut[name] = weights[name][index].copy()
    return cut


@torch.no_grad()
def check_same_function(module: Autoencoder, whole: Autoencoder, n_features: int) -> None:
    """Raise a ValueError unless both networks encode and decode the first components alike."""
    kept, n_components = len(module.code_mean), len(whole.code_mean)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, n_features, generator=generator).to(whole.code_mean)
    raw = torch.zeros(2, n_components).to(x)
    raw[:, :kept] = torch.randn(2, kept, generator=generator)
    pairs = (
        (module.latent(module.encoder(x)), whole.latent(whole.encoder(x))[:, :kept]),
        (module.decoder(raw[:, :kept].contiguous()), whole.decoder(raw)),
    )
    for found, expected in pairs:
        # Rounding differs between products of different widths.
        if not (found - expected).abs().max() <= 1e-3 * expected.abs().max():
            raise _not_truncatable("it answers otherwise with fewer components")


def _not_truncatable(reason: str) -> ValueError:
    return ValueError(
        f"This network cannot be truncated: {reason}. Only the encoder's last layer and the "
        f"decoder's first one may depend on the number of components."
    )
