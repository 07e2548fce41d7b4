"""How far opinions about labels are believed, by what they said of held-out ones."""

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

# Strength of the pull of the trust in opinions to equal parts of one.
_PULL = 1.0


def trust_in_classes(
    opinions: np.ndarray, truth: np.ndarray, weight: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Return the trust in each opinion, not negative, under which the true classes are likeliest.

    Parameters
    ----------
    opinions : ndarray of shape (n_opinions, n_samples, n_classes)
        Logarithms of probabilities.
    truth : ndarray of shape (n_samples,)
        Numbers of the true classes.
    weight : ndarray of shape (n_samples,)
        How much each row counts.
    shares : ndarray of shape (n_classes,)
        Logarithms of the shares of the classes.

    Returns
    -------
    trust : ndarray of shape (n_opinions,)
        What an opinion adds to the shares counts so many times.
    """
    rows, added = np.arange(len(truth)), opinions - shares

    def loss_and_gradient(trust: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(shares + np.tensordot(trust, added, axes=1), axis=1)
        expected = (np.exp(logs) * added).sum(axis=2)
        gradient = (expected - added[:, rows, truth]) @ weight
        pull = trust - start
        return -(weight @ logs[rows, truth]) + _PULL * (pull @ pull), gradient + 2 * _PULL * pull

    start = np.full(len(opinions), 1 / len(opinions))
    return minimize(loss_and_gradient, start, jac=True, bounds=[(0, None)] * len(start)).x


def trust_in_numbers(opinions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the trust in each opinion, not negative, with the least squared error.

    `opinions` have the shape (n_opinions, n_samples, n_answers), and `truth` that of one of them.
    """
    n_opinions = len(opinions)
    pull = np.sqrt(_PULL) * np.eye(n_opinions)
    told = np.vstack([opinions.reshape(n_opinions, -1).T, pull])
    return nnls(told, np.concatenate([truth.ravel(), pull.sum(axis=1) / n_opinions]))[0]
