"""The start of an autoencoder whose loss has a link: no worse than the column means."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import total
from skae.networks import Autoencoder, linear_layer_of
from skae.objectives import TableLoss
from skae.tables import ScaledRows

# Candidate factors of the last layer, which behind a link is a guess: from one down to zero.
_SHARES = (*(2.0**-i for i in range(11)), 2.0**-20, 2.0**-30, 0.0)

# If zero is best, a factor that is worse by no more than this is preferred: zero weights send no
# gradient back to earlier layers.
_TOLERANCE = 5e-4


@torch.no_grad()
def start_below_the_means(
    autoencoder: Autoencoder,
    rows: ScaledRows,
    sample_weight: Any,
    loss: TableLoss,
    at_pca: bool,
    targets: ScaledRows | None = None,
) -> None:
    """Multiply the decoder's last layer by the share that reconstructs the rows best.

    The expansion of a link holds only near the mean: far from it an exponential of a linear
    function of a count can be of any size. A share of zero reconstructs the column means, so the
    start is not worse than these.

    `rows` are those of training, which the decoder should answer unless `targets` are. With
    `at_pca` the decoder's linear path is the layer, and has its bias already. An autoencoder whose
    decoder does not end with a linear layer stays as it is.
    """
    autoencoder.eval()
    decoder = autoencoder.decoder
    targets = rows if targets is None else targets
    of_means = loss.from_data(means_of(targets, sample_weight))
    layer = linear_layer_of(decoder) if at_pca else _last_layer(decoder, len(of_means))
    if layer is not None:
        if not at_pca:
            layer.bias.copy_(of_means)
        layer.weight.mul_(_best_share(autoencoder, layer, rows, targets, sample_weight, loss))
    autoencoder.train()


def _last_layer(decoder: nn.Module, n_outputs: int) -> nn.Linear | None:
    """Return the linear layer that ends the decoder, or None."""
    *_, last = (module for module in decoder.modules() if not list(module.children()))
    if isinstance(last, nn.Linear) and last.out_features == n_outputs and last.bias is not None:
        return last
    return None


def means_of(rows: ScaledRows, sample_weight: Any) -> Tensor:
    """Return the means of the cells that have a value."""

    def weighted_sum(cells: Callable[[Tensor], Tensor]) -> Tensor:
        return total(
            _weights_of(sample_weight, selection, x) @ cells(x.cpu().double())
            for selection, x in rows.chunks()
        )

    summed = weighted_sum(lambda x: x)
    if summed.isnan().any():
        return weighted_sum(Tensor.nan_to_num) / weighted_sum(lambda x: (~x.isnan()).double())
    return summed / (len(rows) if sample_weight is None else float(sample_weight.sum()))


def _best_share(
    autoencoder: Autoencoder,
    layer: nn.Linear,
    rows: ScaledRows,
    targets: ScaledRows,
    sample_weight: Any,
    loss: TableLoss,
) -> float:
    weight, bias = layer.weight.double(), layer.bias.double()
    losses = torch.zeros(len(_SHARES), dtype=torch.float64)
    seen: list[Tensor] = []
    with layer.register_forward_pre_hook(lambda _, given: seen.append(given[0])):
        for selection, x in rows.chunks():
            x = x.cpu()
            autoencoder(x.to(layer.weight))
            change = seen.pop().double() @ weight.T
            target = (x if targets is rows else targets[selection].cpu()).double()
            share_of_rows = _weights_of(sample_weight, selection, x)
            for i, share in enumerate(_SHARES):
                cells = loss.function(bias + share * change, target, reduction="none")
                losses[i] += share_of_rows @ cells.mean(dim=1)
    best = losses.argmin()
    if _SHARES[best] == 0:
        best = (losses <= losses[-1] * (1 + _TOLERANCE)).nonzero()[0]
    return _SHARES[int(best)]


def _weights_of(sample_weight: Any, selection: slice, x: Tensor) -> Tensor:
    ones = torch.ones(len(x), dtype=torch.float64)
    return ones if sample_weight is None else torch.as_tensor(sample_weight[selection]).to(ones)
