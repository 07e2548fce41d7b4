"""What the decorator of estimators and the objective say of mistakes in a new variant."""

import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer
from skae.estimators.base import BaseAutoencoder, NonNegative, estimator
from skae.objectives import ReconstructionObjective


def test_a_parameter_without_a_description_is_refused():
    class Bare(BaseAutoencoder):
        """An autoencoder."""

        beta: NonNegative = 1.0

    with pytest.raises(TypeError, match=r"Bare has the parameters \['beta'\], but its docstring"):
        estimator(Bare)


@pytest.mark.parametrize("name", ["beta", "alpha"])
def test_a_value_without_an_annotation_is_refused(name):
    kind = type("Plain", (BaseAutoencoder,), {"__doc__": "An autoencoder.", name: 1.0})
    with pytest.raises(TypeError, match=rf"Plain\.{name} = 1\.0 has no annotation"):
        estimator(kind)


@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize(
    ("penalty", "found"), [(lambda h: h.square().sum(dim=1), "shape"), (lambda h: 0.0, "got 0.0")]
)
def test_a_penalty_that_is_no_scalar_is_refused(penalty, found, normalization):
    class Term(torch.nn.Module):
        def forward(self, autoencoder, h, weight):
            return autoencoder.latent(h), {"own": penalty(h)}

    class Own(AutoencoderTransformer):
        def _make_objective(self, seed):
            return ReconstructionObjective(
                self._make_heads(), self._make_weight_penalty(), code_term=Term()
            )

    X = np.random.default_rng(0).normal(size=(60, 4))
    ae = Own(2, max_iter=1, normalization=normalization)
    with pytest.raises(TypeError, match=rf"'own' of Term must be a tensor of one number.*{found}"):
        ae.fit(X)
