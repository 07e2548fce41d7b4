"""The check of the widths that a user's own network has."""

import torch
from torch import nn

from ._network import Network


@torch.no_grad()
def check_widths_of(
    module: nn.Module, method: str, network: Network, n_inputs: int, n_outputs: int
) -> None:
    """Run a half on two rows; raise an error unless it maps `n_inputs` to `n_outputs` values.

    It is a TypeError if `module` is no module or its output no tensor, else a ValueError; both
    name the `method` of the `network` that built it.
    """
    what = f"{method} of network={network!r}"
    if not isinstance(module, nn.Module):
        raise TypeError(f"{what} must return a torch.nn.Module, got {module!r}.")
    parameter = next(module.parameters(), torch.empty(0))
    rows = torch.zeros(2, n_inputs, dtype=parameter.dtype, device=parameter.device)
    training = module.training
    try:
        # In evaluation mode, so that layers do not update their statistics of batches.
        output = module.eval()(rows)
    except Exception as error:
        raise ValueError(
            f"{what} returns a module that fails on rows of width {n_inputs}, which it should "
            f"take: {error}"
        ) from error
    finally:
        module.train(training)
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"{what} returns a module whose output is a {type(output).__name__}, expected a tensor "
            f"of shape (n_samples, {n_outputs})."
        )
    if output.shape != (2, n_outputs):
        is_flat = output.ndim == 2 and len(output) == 2
        found = f"width {output.shape[1]}" if is_flat else f"shape {tuple(output.shape)}"
        raise ValueError(
            f"{what} returns a module whose output for 2 rows is of {found}, expected width "
            f"{n_outputs}: a tensor of shape (2, {n_outputs})."
        )
