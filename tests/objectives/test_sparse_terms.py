"""Sparse latents and the terms on them, against independent computations, by hand and autograd."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from fused_cases import fused_step
from numpy.testing import assert_allclose, assert_array_equal
from torch import optim

from skae._batch import Batch
from skae.networks import (
    Autoencoder,
    BatchTopKLatent,
    DenseNetwork,
    LogisticLatent,
    RectifiedLatent,
    TopKLatent,
)
from skae.objectives import LOSSES, Head, ReconstructionObjective, WeightPenalty
from skae.objectives._kl_sparsity import KLSparsity
from skae.objectives._sparsity import L1Sparsity, UnitColumnsObjective, UnusedUnitBoost

PENALTIES = ["top_k", "batch_top_k", "l1", "kl"]


def n_active(codes):
    return np.count_nonzero(codes, axis=1)


# -- the latents and terms, against independent computations -----------------------------------


def outputs(n_rows=30, n_components=9):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n_rows, n_components, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 4, 9, 20])
def test_top_k_keeps_the_largest_positive_values(k):
    h = outputs()
    codes = TopKLatent(k)(h).numpy()
    for row, code in zip(h.numpy(), codes, strict=True):
        kept = [j for j in np.argsort(-row)[:k] if row[j] > 0]
        expected = np.zeros_like(row)
        expected[kept] = row[kept]
        assert_array_equal(code, expected)


def test_batch_top_k_keeps_the_largest_values_of_the_batch():
    h, latent = outputs(), BatchTopKLatent(3).double()
    codes = latent(h).numpy()
    assert np.count_nonzero(codes) == 3 * len(h)
    assert codes[codes > 0].min() > np.where(codes == 0, h.numpy(), -1).max()
    assert len(set(n_active(codes))) > 1
    # A row alone is cut where its batch was: between what was kept and what was not.
    latent.eval()
    assert_array_equal(latent(h).numpy(), codes)
    assert_array_equal(torch.cat([latent(row) for row in h.split(1)]).numpy(), codes)


def test_the_threshold_follows_the_batches():
    latent = BatchTopKLatent(3).double()
    thresholds = []
    for scale in (1, 1, 5, 5, 5):
        latent(scale * outputs())
        thresholds.append(float(latent.threshold))
    assert thresholds[0] == thresholds[1] < thresholds[2] < thresholds[4] < 5 * thresholds[0]


@pytest.mark.parametrize("latent", [RectifiedLatent(), TopKLatent(3), BatchTopKLatent(3).double()])
def test_latents_leave_codes_as_they_are(latent):
    latent(outputs())
    latent.eval()
    codes = latent(outputs())
    assert torch.equal(latent(codes), codes)


def test_the_boost_of_an_unused_unit_grows_until_it_is_chosen():
    h = outputs(4).abs() + 1
    h[:, 3] = 0.3
    module = make_module("top_k")
    term = UnusedUnitBoost(h.shape[1])
    chosen = [bool(term(module, h, None)[0][:, 3].any()) for _ in range(12)]
    # The third largest of some row is 16 times as large at most, after which it waits again.
    wait = math.ceil(math.log2(h.topk(3).values[:, -1].min() / 0.3)) + 1
    assert [i for i, one in enumerate(chosen) if one] == [wait, 2 * wait + 1]
    # Its value is its own, and no row keeps more for it.
    term.turns_missed[3] = 8
    codes, penalties = term(module, h, None)
    assert penalties == {}
    assert (codes[:, 3] == 0.3).all()
    assert (n_active(codes) == module.latent.k).all()
    term.turns_missed[3] = 8
    term.eval()
    assert not term(module, h, None)[0][:, 3].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_l1_penalty_weighs_activations_by_what_they_write(weighted):
    module, h = make_module("l1"), outputs(5)
    weight = torch.arange(5).double() if weighted else None
    codes, parts = L1Sparsity(0.3)(module, h, weight)
    columns = module.decoder[0].weight.detach().numpy().T
    expected = 0
    for i, row in enumerate(h.clamp(min=0).numpy()):
        for value, column in zip(row, columns, strict=True):
            expected += (i if weighted else 1) * value * math.sqrt((column**2).sum()) / 5
    assert_allclose(parts["sparsity"].item(), 0.3 * expected)
    assert_array_equal(codes, h.clamp(min=0))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_kl_penalty_is_that_of_bernoulli_distributions(weighted):
    module, h = make_module("kl"), outputs(5)
    weight = torch.arange(1, 6).double() if weighted else None
    _, parts = KLSparsity(3.0, 0.1, 9, adapts=False)(module, h, weight)
    mean = np.average(1 / (1 + np.exp(-h.numpy())), axis=0, weights=weight)
    Bernoulli = partial(torch.distributions.Bernoulli, validate_args=False)
    divergence = torch.distributions.kl_divergence(
        Bernoulli(torch.tensor(0.1).double()), Bernoulli(torch.as_tensor(mean))
    )
    assert_allclose(parts["sparsity"].item(), 3 * divergence.sum().item())


def test_the_kl_penalty_of_saturated_units_is_finite():
    for value in (-1000.0, 1000.0):
        h = torch.full((4, 9), value, requires_grad=True)
        term = KLSparsity(1.0, 0.05, 9, adapts=False)
        penalty = term(make_module("kl").float(), h, None)[1]["sparsity"]
        penalty.backward()
        assert penalty.isfinite()
        assert h.grad.isfinite().all()


# -- the fused step ----------------------------------------------------------------------------

LATENTS = {
    "top_k": partial(TopKLatent, 3),
    "batch_top_k": partial(BatchTopKLatent, 3),
    "l1": RectifiedLatent,
    "kl": LogisticLatent,
}


def make_module(penalty, hidden=()):
    generator = torch.Generator().manual_seed(0)
    network = DenseNetwork(hidden)
    encoder = network.build_encoder(6, 9, generator)
    decoder = network.build_decoder(9, 6, generator)
    return Autoencoder(encoder, decoder, 9, LATENTS[penalty]()).double()


def make_objective(penalty):
    heads, weights = [Head(LOSSES["squared_error"])], WeightPenalty(0.01, 0.0)
    if penalty in ("top_k", "batch_top_k"):
        return UnitColumnsObjective(heads, weights, code_term=UnusedUnitBoost(9))
    term = L1Sparsity(0.3) if penalty == "l1" else KLSparsity(0.3, 0.1, 9, adapts=False)
    return ReconstructionObjective(heads, weights, code_term=term)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [(), (5,)])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_gradients_of_the_fused_step_equal_those_of_autograd(penalty, hidden, weighted):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weight = torch.linspace(0.1, 1.9, len(x), dtype=torch.float64) if weighted else None
    modules = [make_module(penalty, hidden) for _ in range(2)]
    expected = make_objective(penalty)(modules[0], Batch(x, weight))
    sum(expected.values()).backward()
    step = fused_step(
        modules[1], make_objective(penalty), optim.Adam(modules[1].parameters()), None
    )
    found = step(Batch(x, weight))
    assert found.keys() == expected.keys()
    for name in expected:
        assert_allclose(found[name].detach(), expected[name].detach(), rtol=1e-12)
    for p, q in zip(modules[0].parameters(), modules[1].parameters(), strict=True):
        assert_allclose(q.grad, p.grad, rtol=1e-9, atol=1e-14)


def test_the_l1_penalty_adds_to_the_gradient_of_the_decoder():
    gradients = []
    for strength in (0.0, 0.3):
        module, objective = make_module("l1"), make_objective("l1")
        objective.code_term.strength = strength
        step = fused_step(module, objective, optim.Adam(module.parameters()), None)
        step(Batch(torch.ones(3, 6, dtype=torch.float64)))
        gradients.append(module.decoder[0].weight.grad.clone())
    assert not torch.allclose(*gradients)
