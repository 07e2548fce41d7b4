"""A new variant: its parameters, and what is said of mistakes in it."""

import inspect
from typing import get_args

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skae import AutoencoderTransformer
from skae.engine import OPTIMIZERS, OptimizerName, ScheduleName
from skae.engine._schedules import SCHEDULES
from skae.estimators.base import NonNegative
from skae.networks import ACTIVATIONS, ActivationName
from skae.objectives import LOSSES, NOISES, LossName, NoiseName, ReconstructionObjective
from skae.objectives._priors import PRIORS, PriorName

X = np.random.default_rng(0).normal(size=(60, 4))


class Short(AutoencoderTransformer):
    """A variant as one writes it in a notebook."""

    max_iter: int = 3
    beta: NonNegative = 1.0


class Classic(AutoencoderTransformer):
    """A variant as scikit-learn's documentation writes it."""

    def __init__(self, n_components=2, *, max_iter=3, beta=1.0):
        super().__init__(n_components, max_iter=max_iter)
        self.beta = beta


def test_annotations_are_parameters():
    ae = Short(2, random_state=0)
    assert inspect.signature(Short).parameters["max_iter"].default == 3
    assert clone(ae.set_params(beta=2.0)).get_params()["beta"] == 2.0
    assert ae.fit(X).n_iter_ == 3
    expected = AutoencoderTransformer(2, max_iter=3, random_state=0).fit_transform(X)
    np.testing.assert_array_equal(ae.transform(X), expected)
    with pytest.raises(ValueError, match="The 'beta' parameter of Short must be a float"):
        ae.set_params(beta=-1.0).fit(X)


def test_an_init_of_its_own_is_left_as_it_is():
    ae = clone(Classic(2, beta=2.0))
    assert ae.get_params() == {"n_components": 2, "max_iter": 3, "beta": 2.0}
    assert ae.fit(X).n_iter_ == 3
    with pytest.raises(ValueError, match=r"'max_iter' parameter of Classic must be an int"):
        ae.set_params(max_iter=-1).fit(X)


def test_a_default_without_an_annotation_is_refused():
    with pytest.raises(TypeError, match=r"Plain\.alpha = 1\.0 has no annotation"):
        type("Plain", (AutoencoderTransformer,), {"alpha": 1.0})
    # Another value of the class is no parameter.
    counting = type("Counting", (AutoencoderTransformer,), {"n_fits": 0})
    assert "n_fits" not in counting().get_params()


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (ActivationName, ACTIVATIONS),
        (LossName, LOSSES),
        (NoiseName, NOISES),
        (OptimizerName, OPTIMIZERS),
        (PriorName, PRIORS),
        (ScheduleName, SCHEDULES),
    ],
)
def test_the_names_in_signatures_are_those_that_there_are(names, values):
    assert set(get_args(names)) == set(values)


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

    ae = Own(2, max_iter=1, normalization=normalization)
    with pytest.raises(TypeError, match=rf"'own' of Term must be a tensor of one number.*{found}"):
        ae.fit(X)
