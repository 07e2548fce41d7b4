"""The part of a trained network that makes and reads the first components of its codes."""

import torch


def truncated_weights(weights, module, n_components):
    """Cut the weights of a network to those that its first components need.

    Parameters
    ----------
    weights : dict of str to ndarray
        State of the whole network.
    module : torch.nn.Module
        The same network made for fewer components.
    n_components : int
        How many the whole network has.

    Returns
    -------
    weights : dict of str to ndarray
        State for `module`.

    Raises
    ------
    ValueError
        If the shapes of the two differ by more than the components that are left out.
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
def check_same_function(module, whole, n_features):
    """Check that a truncated network makes and reads the first components as the whole one does.

    Parameters
    ----------
    module : Autoencoder
        The truncated network.
    whole : Autoencoder
        The network that it was cut from.
    n_features : int
        Width of the rows.

    Raises
    ------
    ValueError
        If it does not.
    """
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


def _not_truncatable(reason):
    return ValueError(
        f"This network cannot be truncated: {reason}. Only the encoder's last layer and the "
        f"decoder's first one may depend on the number of components."
    )
