"""Rounds of training: what counts where labels follow groups of rows, and where they do not."""

import numpy as np
import pytest

from skae import AutoencoderClassifier, AutoencoderTransformer
from skae.supervised import _rounds


@pytest.mark.parametrize("apart", [0, 6])
def test_labels_that_follow_no_groups_change_what_was_learned_little(apart, monkeypatch):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 400)
    X = rng.normal(size=(400, 8)) + apart * y[:, None]
    some = np.where(np.arange(400) < 40, y, -1)
    autoencoder = AutoencoderTransformer(
        4, hidden_layer_sizes=(32,), max_iter=20, random_state=0
    ).fit(X)

    def left():
        """The error of reconstruction beside that before training with labels."""
        model = AutoencoderClassifier(autoencoder, n_propagations=1, random_state=0).fit(X, some)
        return (1 - model.autoencoder_.score(X)) / (1 - autoencoder.score(X))

    as_it_is = left()
    monkeypatch.setattr(_rounds, "_LABELS_WITHOUT_GROUPS", 1.0)
    if apart:
        assert left() == as_it_is
    else:
        assert left() - 1 > 3 * (as_it_is - 1)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_part_of_the_labels_is_beside_the_own_objective(share):
    estimator = AutoencoderClassifier(supervised_weight=share, consistency=2.0)
    grouped, half, apart = (_rounds._weights(estimator, 0.1, g) for g in (1.0, 0.5, 0.0))
    assert grouped.supervised == pytest.approx(share)
    assert (grouped.consistency, half.consistency, apart.consistency) == (2.0, 1.0, 0.0)
    if share == 1:
        assert half.supervised == apart.supervised == 1
    else:
        odds = [w.supervised / (1 - w.supervised) for w in (grouped, half, apart)]
        assert odds[2] / odds[0] == pytest.approx(0.05)
        assert odds[1] ** 2 == pytest.approx(odds[0] * odds[2])
    frozen = estimator.set_params(freeze="encoder")
    assert _rounds._weights(frozen, 0.1, 0.0).supervised == pytest.approx(share)
