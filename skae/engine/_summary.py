"""What a trained net makes of its rows: the objective and the codes, in one pass."""

from contextlib import nullcontext

import torch

from ._batches import mean_parts
from ._moments import CodeMoments, SomeCodes


@torch.no_grad()
def summarize(net, rows):
    """Return the objective over the rows, the moments of their codes, and some of these.

    Parameters
    ----------
    net : AutoencoderNet
        The net, with the weights as they are, out of training mode.
    rows : TrainingRows
        The rows.

    Returns
    -------
    objective : float
        The sum of the mean parts.
    moments : tuple
        What `CodeMoments` found in the codes of the rows as they are, nothing drawn at random.
    some_codes : tuple
        What `SomeCodes` kept of them.
    """
    module, objective, latent = net.module_, net.criterion_, net.module_.latent
    moments, some = CodeMoments(), SomeCodes(len(rows), len(module.code_mean))
    weight = None
    # Whether the pass that the objective takes is one over the rows as they are.
    as_trained = (
        getattr(objective, "is_one_pass", False)
        and objective.corruption is None
        and objective.code_term is None
    )

    def add(latent, arguments, codes):
        spread = latent.spread(*arguments) if hasattr(latent, "spread") else 0.0
        moments.add(codes, weight, spread)
        some.add(codes, weight)

    def step(batch):
        nonlocal weight
        x, weight = batch
        if not as_trained:
            h = module.encoder(x)
            add(latent, (h,), latent(h))
        return net.validation_step(batch)

    with latent.register_forward_hook(add) if as_trained else nullcontext():
        parts = mean_parts(net.get_iterator(rows), step)
    return sum(parts.values()), moments.result(), some.result()
