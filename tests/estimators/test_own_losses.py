"""Reconstruction losses of a user's own, without a gradient by hand."""

import numpy as np
import pytest
import torch
from mixed_cases import table, with_gaps
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer
from skae.networks import ConvolutionalNetwork
from skae.objectives import Loss

X = load_digits().data[:300]
PARAMS = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}


def pinball(output, target, reduction="mean"):
    error = target - output
    losses = torch.maximum(0.9 * error, -0.1 * error)
    return losses.mean() if reduction == "mean" else losses


class WithLoss(AutoencoderTransformer):
    """An autoencoder with a function as its loss."""

    function = staticmethod(torch.nn.functional.l1_loss)

    def _reconstruction_loss(self):
        return Loss(self.loss, self.function, scale_power=1)


class Quantile(WithLoss):
    function = staticmethod(pinball)


@pytest.mark.parametrize("weight", [None, np.arange(len(X)) % 3])
def test_a_loss_without_a_gradient_trains_as_with_one(weight):
    own = WithLoss(**PARAMS).fit(X, sample_weight=weight)
    known = AutoencoderTransformer(loss="absolute_error", **PARAMS).fit(X, sample_weight=weight)
    assert_allclose(own.reconstruct(X), known.reconstruct(X), atol=1e-3)
    assert own.score(X) == pytest.approx(known.score(X), rel=1e-4)
    assert_allclose(own.loss_curve_, known.loss_curve_, rtol=1e-4)


def test_gaps_and_categories_beside_such_a_loss():
    rows = with_gaps(table())
    own = WithLoss(**PARAMS).fit(rows)
    known = AutoencoderTransformer(loss="absolute_error", **PARAMS).fit(rows)
    assert_allclose(own.score_samples(rows), known.score_samples(rows), rtol=1e-3, atol=1e-4)
    # Both losses differ from the default.
    assert abs(own.score(rows) - AutoencoderTransformer(**PARAMS).fit(rows).score(rows)) > 0.01


def test_images_with_holes_and_such_a_loss():
    images = X[:100].reshape(-1, 8, 8).copy()
    images[::3, 2, 2] = np.nan
    network = ConvolutionalNetwork(channels=(4,), hidden_layer_sizes=())
    params = {"network": network, "n_components": 2, "max_iter": 2, "random_state": 0}
    own = WithLoss(**params).fit(images)
    known = AutoencoderTransformer(loss="absolute_error", **params).fit(images)
    assert_allclose(own.score_samples(images), known.score_samples(images), rtol=1e-3)


def test_what_such_a_loss_asks_for_is_learned():
    longer = PARAMS | {"max_iter": 40}
    upper, mean = (kind(**longer).fit(X) for kind in (Quantile, AutoencoderTransformer))
    # The shares of the values that lie below their reconstructions.
    assert (upper.reconstruct(X) >= X).mean() == pytest.approx(0.9, abs=0.03)
    assert (mean.reconstruct(X) >= X).mean() < 0.7
    again = Quantile(**longer, warm_start=True).fit(X).fit(X)
    assert (again.partial_fit(X).reconstruct(X) >= X).mean() == pytest.approx(0.9, abs=0.03)
