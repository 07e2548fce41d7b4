"""A pass over the training rows with the trained weights: the objective and the codes."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from skae._batch import Batch

from ._batches import mean_parts
from ._moments import CodeMoments, CodeSample
from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._net import AutoencoderNet


def settle(net: "AutoencoderNet", rows: TrainingRows) -> None:
    """Let the objective estimate what it does from all rows of a fit, and summarize these."""
    net.set_mode(training=False)
    net.criterion_.settle(net.module_, net.get_iterator(rows))
    net.criterion_.after_training(net.module_, net.get_iterator(rows))
    summarize(net, rows)


@torch.no_grad()
def summarize(net: "AutoencoderNet", rows: TrainingRows) -> None:
    """Set `objective_`, `code_moments_` and `some_codes_` of a net, from its weights as they are.

    `objective_` is the sum of the mean parts. The codes are those of the rows as they are, with
    nothing drawn at random: `CodeMoments` and `CodeSample` of them.
    """
    net.set_training(False)
    module, objective = net.module_, net.criterion_
    moments, sample = CodeMoments(), CodeSample(len(rows), len(module.code_mean))
    weight: Tensor | None = None
    # Then the objective's pass already sees the rows without noise, and gives the codes, too.
    as_trained = (
        getattr(objective, "is_one_pass", False)
        and objective.corruption is None
        and objective.code_term is None
    )

    def add(latent: Any, arguments: Any, codes: Tensor) -> None:
        spread = latent.spread(*arguments) if hasattr(latent, "spread") else 0.0
        moments.add(codes, weight, spread)
        sample.add(codes, weight)

    def step(batch: Batch) -> dict[str, Tensor]:
        nonlocal weight
        weight = batch.weight
        if not as_trained:
            h = module.encoder(batch.x)
            add(module.latent, (h,), module.latent(h))
        return net.validation_step(batch)

    with module.latent.register_forward_hook(add) if as_trained else nullcontext():
        parts = net.ranks_.agreed(mean_parts(net.get_iterator(rows), step))
    net.code_moments_, net.some_codes_ = moments.result(), sample.result()
    net.objective_ = net.finite(sum(parts.values()), "final loss")
