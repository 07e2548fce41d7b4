"""Rounds of training: each guesses labels from the codes of the one before."""

from typing import Any

import numpy as np
import torch

from skae.engine import Labels

from ._guess import Guess
from ._guesser import Guesser
from ._joint_training import FittedRows, Trained, Weights, train_with_head
from ._labels import KnownLabels

# Most rows of the graph over which labels spread, as each is compared with all others, and most of
# these that have a label, as models learn from them.
_MOST_ROWS, _MOST_LABELLED = 2**16, 10_000

# Most cells of rows that are held in double precision for a linear model of them: 256 MiB.
_MOST_CELLS = 2**25

# The loss of the labels counts this part, beside the autoencoder's own objective, where guesses
# explain nothing: few labels tell little then, and would undo what was learned without them.
_LABELS_WITHOUT_GROUPS = 0.05

# Labels are few if at most this share of the rows has one.
_FEW = 0.5


def train_in_rounds(
    fitted: FittedRows,
    labels: KnownLabels,
    held_out: np.ndarray,
    params: Any,
    guesser: Guesser,
    rng: np.random.RandomState,
) -> Trained:
    """Return the last of `n_propagations` trainings, or of one if there is nothing to guess.

    All start from the codes that were learned without labels. `params` is the estimator.
    """
    learned = labels.known & ~held_out
    radius = 0.0
    if params.consistency and params.consistency_radius:
        radius = params.consistency_radius * fitted.distance_of_neighbours(rng)
    # Where labels are not few, guesses add little for their time.
    guesses = params.n_propagations and labels.known.mean() <= _FEW
    seed = int(rng.randint(np.iinfo(np.int32).max))
    codes = fitted.codes_of(fitted.autoencoder)
    known = codes[learned], labels.answers[learned], labels.weight[learned]
    start = guesser.fit_linear(*known)
    expected = torch.as_tensor(guesser.expected(*known[1:]))
    trained: Trained | None = None
    guess: Guess | None = None
    for _ in range(params.n_propagations if guesses else 1):
        if guesses:
            seen = codes if trained is None else fitted.codes_of(trained.autoencoder)
            found = _guess(guesser, seen, labels, learned, rng, fitted)
            guess = found if guess is None else guess.renewed(found)
        weights = _weights(params, radius, 1.0 if guess is None else guess.grouped)
        told = _labels_of(labels, learned, guess, fitted)
        trained = train_with_head(fitted, told, held_out, start, expected, weights, params, seed)
        # Without groups the next guess would be the same.
        if trained.net.interrupted_ or (guess is not None and guess.grouped == 0):
            break
    assert trained is not None
    return trained


def _weights(params: Any, radius: float, grouped: float) -> Weights:
    """Return the weights where guesses explain as much as `grouped` says; see `Guess`."""
    labels = float(params.supervised_weight)
    # A frozen encoder has no own objective.
    beside = 1.0 if params.freeze == "encoder" else _LABELS_WITHOUT_GROUPS ** (1 - grouped)
    share = labels * beside / (labels * beside + (1 - labels))
    # The consistency term presumes groups.
    return Weights(share, grouped * float(params.consistency), radius)


def _guess(
    guesser: Guesser,
    codes: np.ndarray,
    labels: KnownLabels,
    learned: np.ndarray,
    rng: np.random.RandomState,
    fitted: FittedRows,
) -> Guess:
    """Return guesses for all rows; of very many, some get none, of weight zero."""
    order = rng.permutation(np.flatnonzero(~learned))
    told = rng.permutation(np.flatnonzero(learned))[:_MOST_LABELLED]
    some = np.sort(np.concatenate([told, order[: _MOST_ROWS - len(told)]]))
    of_labels = np.where(learned, labels.weight, 0.0)
    rows = None
    if guesser.asks_rows and len(some) * fitted.n_inputs <= _MOST_CELLS:
        rows = fitted.inputs(some)
    found = guesser.guess(codes[some], labels.answers[some], of_labels[some], rows)
    answers, weight = np.zeros_like(labels.answers), np.zeros(len(codes))
    answers[some], weight[some] = found.answers, found.weight
    return Guess(answers, weight, found.grouped)


def _labels_of(
    labels: KnownLabels, learned: np.ndarray, guess: Guess | None, fitted: FittedRows
) -> Labels:
    """Return given labels and guesses, where there are some, as the engine takes them."""
    answers, weight = labels.answers, labels.weight_of_mean_one
    if guess is not None:
        is_guessed = ~labels.known
        answers = np.where(is_guessed[:, None], guess.answers, answers)
        of_guesses = guess.weight if fitted.weight is None else guess.weight * fitted.weight
        weight = np.where(is_guessed, of_guesses, weight)
    dtype = next(fitted.autoencoder.net_.module_.parameters()).dtype
    device = fitted.rows.index_device
    return Labels(
        torch.as_tensor(answers).to(device, dtype),
        torch.as_tensor(weight).to(device, dtype),
        torch.as_tensor(labels.known).to(device),
    )
