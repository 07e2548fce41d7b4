"""How well tables of numbers and categories are compressed, beside other ways to encode them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from skae import AutoencoderTransformer

from ._mixed_data import binned_tables

N_COMPONENTS = 4
SEEDS = (0, 1, 2)


class OneHot:
    """Numbers as z-scores beside categories as zeros and ones, and back."""

    def __init__(self, table, by_share=False):
        self.numbers = [name for name, dtype in table.dtypes.items() if dtype != "category"]
        self.levels = {
            name: [level for level in table[name].cat.categories if (table[name] == level).any()]
            for name in table.columns
            if name not in self.numbers
        }
        self.mean, self.scale = table[self.numbers].mean(), table[self.numbers].std()
        n_numbers = len(self.numbers)
        self.weights = np.ones(n_numbers + sum(map(len, self.levels.values())))
        if by_share:
            self.weights[n_numbers:] = self.encode(table)[:, n_numbers:].mean(axis=0) ** -0.5

    def encode(self, table):
        """Return a table as an array."""
        numbers = ((table[self.numbers] - self.mean) / self.scale).to_numpy()
        codes = [
            np.equal.outer(table[name].to_numpy().astype(object), np.asarray(levels, dtype=object))
            for name, levels in self.levels.items()
        ]
        return np.column_stack([numbers, *codes]).astype(np.float64) * self.weights

    def decode(self, rows):
        """Return an array as a table."""
        rows = rows / self.weights
        n = len(self.numbers)
        table = pd.DataFrame(rows[:, :n] * self.scale.to_numpy() + self.mean.to_numpy())
        table.columns = self.numbers
        for name, levels in self.levels.items():
            best = rows[:, n : n + len(levels)].argmax(axis=1)
            table[name] = np.asarray(levels, dtype=object)[best]
            n += len(levels)
        return table


def _by_pca(train, new, seed, by_share):
    code = OneHot(train, by_share)
    pca = PCA(N_COMPONENTS).fit(code.encode(train))
    return code.decode(pca.inverse_transform(pca.transform(code.encode(new))))


def _by_plain_autoencoder(train, new, seed):
    code = OneHot(train)
    ae = AutoencoderTransformer(N_COMPONENTS, random_state=seed).fit(code.encode(train))
    return code.decode(ae.reconstruct(code.encode(new)))


@dataclass
class SummedLosses:
    """dfencoder's idea: the mean loss of numbers, plus the cross-entropy of every category."""

    code: OneHot
    seed: int

    def fit(self, X):
        """Train a dense autoencoder of the default's size."""
        torch.manual_seed(self.seed)
        widths = [X.shape[1], 256, 128, N_COMPONENTS, 128, 256, X.shape[1]]
        layers = []
        for i, (n_in, n_out) in enumerate(pairwise(widths)):
            layers += [nn.Linear(n_in, n_out)] + ([] if i in (2, 5) else [nn.SiLU()])
        self.net = nn.Sequential(*layers)
        rows, n_epochs, size = torch.tensor(X, dtype=torch.float32), 50, 64
        optimizer = torch.optim.Adam(self.net.parameters(), 2e-3)
        steps = n_epochs * -(-len(rows) // size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
        for _ in range(n_epochs):
            for batch in torch.randperm(len(rows)).split(size):
                optimizer.zero_grad()
                self._loss(rows[batch]).backward()
                optimizer.step()
                schedule.step()
        return self

    def _loss(self, x):
        output, n = self.net(x), len(self.code.numbers)
        loss = F.mse_loss(output[:, :n], x[:, :n])
        for levels in self.code.levels.values():
            columns = slice(n, n + len(levels))
            loss = loss + F.cross_entropy(output[:, columns], x[:, columns])
            n += len(levels)
        return loss

    @torch.no_grad()
    def reconstruct(self, X):
        """Return numbers and logits."""
        return self.net(torch.tensor(X, dtype=torch.float32)).numpy().astype(np.float64)


def _by_summed_losses(train, new, seed):
    code = OneHot(train)
    net = SummedLosses(code, seed).fit(code.encode(train))
    return code.decode(net.reconstruct(code.encode(new)))


def _by_skae(train, new, seed):
    return AutoencoderTransformer(N_COMPONENTS, random_state=seed).fit(train).reconstruct(new)


OURS, FAMD = "skae", "FAMD"
CODES: dict[str, Callable] = {
    OURS: _by_skae,
    FAMD: lambda train, new, seed: _by_pca(train, new, seed, by_share=True),
    "one-hot + PCA": lambda train, new, seed: _by_pca(train, new, seed, by_share=False),
    "one-hot + plain autoencoder": _by_plain_autoencoder,
    "one-hot, summed losses (dfencoder)": _by_summed_losses,
}


def error_of(answers, truth, train):
    """Return the mean error of the columns, each relative to that of a constant answer."""
    errors = []
    for name, column in truth.items():
        given = answers[name].to_numpy()
        if column.dtype == "category":
            usual = train[name].mode()[0]
            wrong = (given.astype(str) != column.astype(str).to_numpy()).mean()
            errors.append(wrong / (column != usual).mean())
        else:
            squares = np.square(given.astype(float) - column.to_numpy()).mean()
            errors.append(squares / np.square(column - train[name].mean()).mean())
    return float(np.mean(errors))


def mixed(folder):
    """Measure the error of held-out rows after four numbers a row."""
    rows = []
    for table, frame in binned_tables(folder).items():
        for seed in SEEDS:
            shuffled = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
            train, new = shuffled[: int(0.7 * len(frame))], shuffled[int(0.7 * len(frame)) :]
            for name, reconstruct in CODES.items():
                start = time.process_time()
                answers = reconstruct(train, new, seed)
                spent = time.process_time() - start
                error = error_of(answers, new, train)
                rows.append({"table": table, "code": name, "error": error, "seconds": spent})
    measured = pd.DataFrame(rows)
    errors = measured.pivot_table(index="table", columns="code", values="error")[list(CODES)]
    errors["skae / FAMD"] = errors[OURS] / errors[FAMD]
    yield errors.reset_index()
    yield measured.groupby("code")["seconds"].median().reset_index()
