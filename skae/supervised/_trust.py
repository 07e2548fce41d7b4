"""How far opinions about labels are believed, by what they said of held-out ones."""

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

# Strength of the pull of the weights of the three opinions to one third each.
_PULL = 1.0


def trust_in_classes(opinions: np.ndarray, truth: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the weights of opinions under which the true classes are likeliest.

    `shares` are the logarithms of the shares of the classes.
    """
    rows, added = np.arange(len(truth)), opinions - shares

    def loss_and_gradient(trust: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(shares + np.tensordot(trust, added, axes=1), axis=1)
        expected = (np.exp(logs) * added).sum(axis=2)
        gradient = (expected - added[:, rows, truth]).sum(axis=1)
        pull = trust - start
        return -logs[rows, truth].sum() + _PULL * (pull @ pull), gradient + 2 * _PULL * pull

    start = np.full(len(opinions), 1 / len(opinions))
    return minimize(loss_and_gradient, start, jac=True, bounds=[(0, None)] * len(start)).x


def trust_in_numbers(opinions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the weights of opinions, not negative, with the least squared error."""
    n_opinions = len(opinions)
    pull = np.sqrt(_PULL) * np.eye(n_opinions)
    told = np.vstack([opinions.reshape(n_opinions, -1).T, pull])
    return nnls(told, np.concatenate([truth.ravel(), pull.sum(axis=1) / n_opinions]))[0]
