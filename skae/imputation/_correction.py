"""Networks that correct a guess of what is missing."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor, optim

from skae._threads import threads_for
from skae._typing import ArrayOf
from skae.engine import AutoencoderNet
from skae.networks import GapNetworks
from skae.objectives import ColumnLosses, GapFillingObjective

# Networks side by side, each of which leaves one fold of the rows out.
N_NETWORKS = 5

_WIDTH, _BATCH, _STEPS, _RATE, _DECAY = 64, 128, 1500, 2e-3, 1e-4

# Shares of a correction that are tried for each column.
_TRUST = torch.linspace(0.0, 1.0, 21)

# How much the mean over columns counts beside a column of its own in that choice.
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
        judged: Tensor,
        device: torch.device,
        seed: int,
        verbose: int,
    ) -> Self:
        """Train networks on rows of a `GapFillingObjective`; some of these show whom to trust."""
        # Training changes the type of its tensors.
        objective = GapFillingObjective(deepcopy(losses))
        widths = objective.n_inputs, losses.n_outputs, _WIDTH
        generator = torch.Generator().manual_seed(seed)
        n_epochs = max(1, round(_STEPS * _BATCH / len(pool)))
        net = AutoencoderNet(
            GapNetworks.new(N_NETWORKS, *widths, generator),
            objective,
            optimizer=optim.AdamW,
            optimizer__weight_decay=_DECAY,
            lr=_RATE,
            learning_rate="one_cycle",
            max_epochs=n_epochs,
            batch_size=_BATCH,
            train_split=None,
            random_state=seed,
            device=str(device),
            verbose=verbose,
        ).initialize()
        with threads_for(_BATCH * sum(p.numel() for p in net.module_.parameters())):
            net.partial_fit(net.get_dataset(pool))
        net.forget_training()
        if net.interrupted_:
            raise KeyboardInterrupt
        networks = net.module_.cpu().eval().requires_grad_(False)
        trust = _trusted_shares(networks, objective.cpu().float(), judged)
        weights, biases = ([p.numpy() for p in ps] for ps in (networks.weights, networks.biases))
        return cls(weights, biases, trust.numpy())

    def outputs(
        self, losses: ColumnLosses, guess: Tensor, missing: Tensor, column_of: Tensor
    ) -> Tensor:
        """Return numbers and logits for a guess of all values."""
        networks = GapNetworks(
            *([torch.from_numpy(p) for p in ps] for ps in (self.weights, self.biases))
        ).requires_grad_(False)
        inputs = inputs_of(guess, missing)
        correction = torch.cat([networks(some).mean(dim=0) for some in inputs.split(_ROWS_AT_ONCE)])
        trust = torch.from_numpy(self.trust)[column_of]
        return losses.from_guess(guess) + trust * correction.double()


def inputs_of(guess: Tensor, missing: Tensor) -> Tensor:
    """Return what the networks see of rows."""
    return torch.cat([guess, missing.to(guess)], dim=1).float()


@torch.no_grad()
def _trusted_shares(
    networks: GapNetworks, objective: GapFillingObjective, judged: Tensor
) -> Tensor:
    """Return by which share of the corrections hidden cells are filled best, for each column.

    Each row is judged by the network that has left it out.
    """
    inputs, cells, fold = objective.split(judged)
    corrections = torch.cat(
        [
            networks(x)[of.long(), torch.arange(len(x))]
            for x, of in zip(inputs.split(_ROWS_AT_ONCE), fold.split(_ROWS_AT_ONCE), strict=True)
        ]
    )
    hidden = inputs[:, objective.cells.n_outputs :].bool()
    sums = torch.stack(
        [
            (objective.losses_of(inputs, share * corrections, cells) * hidden).sum(dim=0)
            for share in _TRUST
        ]
    )
    sums += _SHRINKAGE * sums.mean(dim=1, keepdim=True)
    return _TRUST[sums.argmin(dim=0)].double()
