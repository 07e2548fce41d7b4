"""The check of the widths that a user's own network has."""

import torch
from torch import nn


@torch.no_grad()
def check_widths_of(module, method, network, n_in, n_out):
    """Run a half of an autoencoder on two rows and compare the width of its output.

    Parameters
    ----------
    module : torch.nn.Module
        The module that the network description built.
    method : {"build_encoder", "build_decoder"}
        The description, named in errors.
    network : Network
        Whose method it is, for errors.
    n_in, n_out : int
        Widths of the rows that it takes and gives.

    Raises
    ------
    TypeError
        If it is no module, or gives no tensor.
    ValueError
        If it does not take such rows, or gives others.
    """
    what = f"{method} of network={network!r}"
    if not isinstance(module, nn.Module):
        raise TypeError(f"{what} must return a torch.nn.Module, got {module!r}.")
    parameter = next(module.parameters(), torch.empty(0))
    rows = torch.zeros(2, n_in, dtype=parameter.dtype, device=parameter.device)
    training = module.training
    try:
        # Layers that look at statistics of a batch leave them as they are.
        output = module.eval()(rows)
    except Exception as error:
        raise ValueError(
            f"{what} returns a module that fails on rows of width {n_in}, which it should take: "
            f"{error}"
        ) from error
    finally:
        module.train(training)
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"{what} returns a module whose output is a {type(output).__name__}, expected a tensor "
            f"of shape (n_samples, {n_out})."
        )
    if output.shape != (2, n_out):
        width = output.shape[-1] if output.ndim == 2 and len(output) == 2 else None
        found = f"of width {width}" if width is not None else f"of shape {tuple(output.shape)}"
        raise ValueError(
            f"{what} returns a module whose output for 2 rows is {found}, expected width {n_out}: "
            f"a tensor of shape (2, {n_out})."
        )
