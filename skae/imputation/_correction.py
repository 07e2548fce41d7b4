"""Networks that correct a guess of what is missing."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor, optim

from skae._chunks import slices
from skae._threads import threads_for
from skae._typing import ArrayOf
from skae.engine import AutoencoderNet, run_epochs
from skae.networks import GapNetworks
from skae.objectives import ColumnLosses, GapFillingObjective

# Networks side by side, each of which leaves one fold of the rows out.
N_NETWORKS = 5

_WIDTH, _BATCH, _RATE, _DECAY = 64, 128, 5e-3, 1e-4

# Steps of a training, and how often it sees a row at most.
_STEPS, _REPEATS = 1500, 1000

# Shares of a guess or a correction that are tried for each column.
_SHARES = torch.linspace(0.0, 1.0, 21)

# Weight of the mean loss over all columns, beside the loss of the column itself, in that choice.
_SHRINKAGE = 0.25

# Rows that corrections are computed for at once.
_ROWS_AT_ONCE = 4096


@dataclass(eq=False)
class Correction:
    """Networks that were trained, and how far their corrections are trusted in each column."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    trust: Annotated[np.ndarray, ArrayOf("float", "n_columns")]

    @classmethod
    def learn(
        cls,
        losses: ColumnLosses,
        pool: Tensor,
        n_rows: int,
        n_judged: int,
        build_net: Callable[..., AutoencoderNet],
        seed: int,
    ) -> Self:
        """Train networks on copies of `n_rows` rows, as `GapFillingObjective` reads them.

        The first `n_judged` of them show whom to trust. ``build_net(module, objective, **params)``
        makes the net.
        """
        # Training changes the type of its tensors.
        objective = GapFillingObjective(deepcopy(losses))
        widths = objective.n_inputs, losses.n_outputs, _WIDTH
        networks = GapNetworks.new(N_NETWORKS, *widths, torch.Generator().manual_seed(seed))
        net = build_net(
            networks,
            objective,
            optimizer=optim.AdamW,
            optimizer__weight_decay=_DECAY,
            optimizer__fused=True,
            lr=_RATE,
            learning_rate="one_cycle",
            max_epochs=max(1, round(min(_STEPS * _BATCH, _REPEATS * n_rows) / len(pool))),
            batch_size=_BATCH,
            train_split=None,
            random_state=seed,
        ).initialize()
        with threads_for(_BATCH * sum(p.numel() for p in networks.parameters())):
            run_epochs(net, net.get_dataset(pool))
        if net.interrupted_:
            raise KeyboardInterrupt
        networks = net.module_.cpu().requires_grad_(False)
        inputs, cells, fold = objective.cpu().float().split(pool[:n_judged])
        # Each row is judged by the network that has left it out.
        corrections = _corrections(networks, inputs, fold.long())
        hidden = inputs[:, losses.n_outputs :]
        trust = trusted_shares(
            lambda share: objective.losses_of(inputs, share * corrections, cells) * hidden
        )
        weights, biases = ([p.numpy() for p in ps] for ps in (networks.weights, networks.biases))
        return cls(weights, biases, trust)

    def outputs(
        self,
        losses: ColumnLosses,
        guess: Tensor,
        missing: Tensor,
        column_of: Tensor,
        networks: Tensor | None = None,
    ) -> Tensor:
        """Return numbers and logits for a guess of all values.

        `networks` is the network that corrects each row; None is the mean of all.
        """
        parameters = [[torch.from_numpy(p) for p in ps] for ps in (self.weights, self.biases)]
        corrections = _corrections(GapNetworks(*parameters), inputs_of(guess, missing), networks)
        trust = torch.from_numpy(self.trust)[column_of]
        return losses.from_guess(guess) + trust * corrections.double()


def inputs_of(guess: Tensor, missing: Tensor) -> Tensor:
    """Return what the networks see of rows."""
    return torch.cat([guess, missing.to(guess)], dim=1).float()


@torch.no_grad()
def _corrections(networks: GapNetworks, inputs: Tensor, of_rows: Tensor | None) -> Tensor:
    """Return the corrections of rows by their own networks, or the means of those of all."""
    found = []
    for rows in slices(len(inputs), _ROWS_AT_ONCE):
        of_all = networks(inputs[rows])
        if of_rows is None:
            found.append(of_all.mean(dim=0))
        else:
            found.append(of_all[of_rows[rows], torch.arange(of_all.shape[1])])
    return torch.cat(found)


def trusted_shares(losses: Callable[[Tensor], Tensor], tolerance: float = 0.0) -> np.ndarray:
    """Return by which share of something each column is filled best.

    ``losses(share)`` are the losses of hidden cells, zero for others, of shape (n_samples,
    n_columns). Columns with few hidden cells follow the mean over all columns. Of shares whose
    losses are within a `tolerance`, the largest is returned.
    """
    sums = torch.stack([losses(share).sum(dim=0) for share in _SHARES])
    sums += _SHRINKAGE * sums.mean(dim=1, keepdim=True)
    good = sums <= (1 + tolerance) * sums.min(dim=0).values
    return torch.where(good, _SHARES[:, None], 0.0).amax(dim=0).double().numpy()
