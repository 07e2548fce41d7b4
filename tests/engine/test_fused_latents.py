"""The fused step where something is drawn or charged between the two halves of a network."""

from functools import partial
from itertools import cycle

import dense_cases
import numpy as np
import pytest
import torch
from dense_cases import N_COMPONENTS, N_FEATURES
from fused_cases import AdamByAutograd, fused_step, pairwise
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from skorch.callbacks import Callback
from torch import nn, optim

from skae import AdversarialAutoencoder, AutoencoderTransformer, VariationalAutoencoder
from skae._batch import Batch
from skae.networks import (
    GaussianLatent,
    PlainLatent,
    make_discriminator,
)
from skae.objectives import LOSSES, Head, ReconstructionObjective, WeightPenalty
from skae.objectives._adversarial import Adversary
from skae.objectives._priors import PRIORS
from skae.objectives._variational import GaussianNoise, PosteriorDraw, VariationalObjective

DIGITS = np.random.default_rng(0).permutation(load_digits().data)[:400]


class DecoderNorms(nn.Module):
    """Charges codes by the weights that the decoder has for them."""

    def forward(self, autoencoder, h, sample_weight):
        codes = autoencoder.latent(h)
        norms = next(autoencoder.decoder.parameters()).norm(dim=0)
        per_row = (codes.abs() * norms).sum(dim=1)
        if sample_weight is not None:
            per_row = per_row * sample_weight
        return codes, {"norms": 0.1 * per_row.mean()}


class EncoderNorms(nn.Module):
    """Charges the encoder's weights, whose gradient the fused step derives by hand."""

    def forward(self, autoencoder, h, sample_weight):
        norm = next(autoencoder.encoder.parameters()).square().mean()
        return autoencoder.latent(h), {"norm": norm}


class Scaled(nn.Module):
    """Changes codes and charges nothing, or what no weight can change."""

    def __init__(self, penalties):
        super().__init__()
        self.penalties = penalties

    def forward(self, autoencoder, h, sample_weight):
        return 3 * autoencoder.latent(h), dict(self.penalties)


def gaussian(penalty, variance, learned, **params):
    return variational("squared_error", penalty, GaussianNoise(variance, learned), **params)


def variational(loss, penalty, noise, **params):
    draw = PosteriorDraw(N_FEATURES, **{"beta": 0.7, "kl_warm_up": 0.0, "free_bits": 0.0} | params)
    return VariationalObjective([Head(LOSSES[loss])], penalty, draw, noise)


def adversarial(loss, penalty):
    generator = torch.Generator().manual_seed(5)
    discriminator = make_discriminator(N_COMPONENTS, (4,), generator)
    adversary = Adversary(discriminator, PRIORS["normal"](N_COMPONENTS), 0.3)
    return ReconstructionObjective([Head(LOSSES[loss])], penalty, code_term=adversary)


OBJECTIVES = {
    "learned noise": lambda p: gaussian(p, 0.8, True),
    "fixed noise": lambda p: gaussian(p, 0.3, False),
    "bernoulli": lambda p: variational("log_loss", p, None),
    "free bits": lambda p: variational("log_loss", p, None, free_bits=0.1),
    "warming up": lambda p: gaussian(p, 1.0, True, kl_warm_up=0.5),
    "adversarial": lambda p: adversarial("squared_error", p),
    "adversarial, huber": lambda p: adversarial("huber", p),
    "decoder norms": lambda p: ReconstructionObjective(
        [Head(LOSSES["squared_error"])], p, code_term=DecoderNorms()
    ),
    "no penalty": lambda p: ReconstructionObjective(
        [Head(LOSSES["squared_error"])], p, code_term=Scaled({})
    ),
    "constant penalty": lambda p: ReconstructionObjective(
        [Head(LOSSES["squared_error"])], p, code_term=Scaled({"constant": torch.tensor(2.0)})
    ),
}
PENALTIES = {"none": (0.0, 0.0), "elastic": (0.1, 0.4)}


def make_objective(kind, penalty="none"):
    objective = OBJECTIVES[kind](WeightPenalty(*PENALTIES[penalty])).double()
    for module in objective.modules():
        if hasattr(module, "generator"):
            module.generator = torch.Generator().manual_seed(2)
        if hasattr(module, "progress"):
            module.progress = 0.2
    return objective


def make_module(objective, linear_path=False):
    latent = GaussianLatent() if isinstance(objective, VariationalObjective) else PlainLatent()
    return dense_cases.make_module(linear_path=linear_path, latent=latent)


def make_rows(n_rows=20):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n_rows, N_FEATURES, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "penalty", "linear_path", "weighted"),
    pairwise(OBJECTIVES, PENALTIES, [False, True], [False, True]),
)
def test_gradients_equal_those_of_autograd(kind, penalty, linear_path, weighted):
    x = make_rows()
    weight = torch.linspace(0.1, 1.9, len(x), dtype=torch.float64) if weighted else None
    results = []
    for by_hand in (False, True):
        objective = make_objective(kind, penalty)
        module = make_module(objective, linear_path)
        if by_hand:
            step = fused_step(module, objective, optim.Adam(module.parameters()), None)
            parts = step(Batch(x, weight))
        else:
            parts = objective(module, Batch(x, weight))
            sum(parts.values()).backward()
        gradients = {name: p.grad.clone() for name, p in module.named_parameters()}
        results.append((parts, gradients, {n: b.clone() for n, b in objective.named_buffers()}))
    (parts, expected, noise), (fused_parts, found, fused_noise) = results
    assert parts.keys() == fused_parts.keys()
    for name in parts:
        assert_allclose(fused_parts[name].detach(), parts[name].detach(), rtol=1e-12)
    assert found.keys() == expected.keys()
    for name in expected:
        assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-14, err_msg=name)
        assert expected[name].any()
    # What is learned beside the gradient, as the variance of the noise.
    for name in noise:
        assert_allclose(fused_noise[name], noise[name], rtol=1e-12, err_msg=name)


def test_what_is_charged_reaches_the_gradients():
    # The control of the test above: without its term the same step gives other gradients.
    for kind in ("learned noise", "adversarial", "decoder norms"):
        found = []
        for strength in (1.0, 0.0):
            objective = make_objective(kind)
            module = make_module(objective)
            if kind == "decoder norms":
                charge = objective.code_term
                silent = Scaled({})
                silent.forward = lambda a, h, w: (a.latent(h), {})
                objective.code_term = charge if strength else silent
            else:
                attribute = "beta" if kind == "learned noise" else "strength"
                setattr(objective.code_term, attribute, strength)
            fused_step(module, objective, optim.Adam(module.parameters()), None)(Batch(make_rows()))
            found.append(module.encoder[0].weight.grad.clone())
        assert (found[0] - found[1]).norm() > 1e-3 * found[1].norm()


def test_a_charge_on_the_encoders_weights_needs_autograd():
    objective = make_objective("decoder norms")
    objective.code_term = EncoderNorms()
    module = make_module(objective)
    step = fused_step(module, objective, optim.Adam(module.parameters()), None)
    before = [p.clone() for p in module.parameters()]
    with pytest.raises(TypeError, match="EncoderNorms uses parameters of the encoder"):
        step(Batch(make_rows()))
    assert all(map(torch.equal, module.parameters(), before))
    objective.code_term.uses_encoder = True
    assert fused_step(module, objective, optim.Adam(module.parameters()), None) is None


@pytest.mark.parametrize(
    ("kind", "max_grad_norm"), [*zip(OBJECTIVES, cycle([None, 0.05]), strict=False)]
)
def test_steps_and_their_state_equal_those_of_the_optimizer(kind, max_grad_norm):
    # Batches of two sizes, each with a tape of its own.
    batches = [*make_rows(23).split(12)]
    objectives = [make_objective(kind, "elastic") for _ in range(2)]
    one, other = map(make_module, objectives)
    plain = optim.Adam(one.parameters(), lr=0.01, eps=1e-6)
    fused = optim.Adam(other.parameters(), lr=0.01, eps=1e-6)
    # Halfway the fused step is made anew, as at the next call of partial_fit.
    for _ in range(2):
        step = fused_step(other, objectives[1], fused, max_grad_norm)
        for x in 3 * batches:
            plain.zero_grad()
            sum(objectives[0](one, Batch(x)).values()).backward()
            if max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(one.parameters(), max_grad_norm)
            plain.step()
            step(Batch(x))
        step.release()
    for (name, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
        assert_allclose(q.detach(), p.detach(), rtol=1e-6, atol=1e-9, err_msg=name)


def test_the_noise_of_a_step_is_fresh():
    objective = make_objective("fixed noise")
    module = make_module(objective)
    still = optim.SGD(module.parameters(), lr=0.0, momentum=0.9)
    step, x = fused_step(module, objective, still, None), make_rows()
    values = [step(Batch(x))["reconstruction"].item() for _ in range(3)]
    assert len(set(values)) == 3
    assert len({step(Batch(x))["kl"].item() for _ in range(3)}) == 1


def test_short_products_are_left_to_autograd():
    objective = make_objective("fixed noise")
    module = make_module(objective).float()
    optimizer = optim.Adam(module.parameters())
    assert fused_step(module, objective, optimizer, None, torch.bfloat16) is None
    assert fused_step(module, objective, optimizer, None) is not None


class Watch(Callback):
    """See after each epoch whether it was fused."""

    def __init__(self):
        self.fused = []

    def on_epoch_end(self, net, **kwargs):
        self.fused.append(net._fused is not None)


FITS = {
    "gaussian": (VariationalAutoencoder, {}),
    "random start": (VariationalAutoencoder, {"init": "random", "free_bits": 0.1, "beta": 2}),
    "fixed noise": (VariationalAutoencoder, {"noise_variance": 4.0, "max_grad_norm": 0.1}),
    "bernoulli": (VariationalAutoencoder, {"loss": "log_loss", "alpha": 1e-3, "l1_ratio": 0.5}),
    "held out": (VariationalAutoencoder, {"early_stopping": True, "kl_warm_up": 0.5}),
    "adversarial": (AdversarialAutoencoder, {"alpha": 1e-3}),
    "uniform": (AdversarialAutoencoder, {"prior": "uniform", "max_grad_norm": 0.1}),
    "batches": (VariationalAutoencoder, {"batch_size": 90, "init": "random"}),
    "adversarial batches": (AdversarialAutoencoder, {"batch_size": 90, "init": "random"}),
}


# Each class is fitted with weights and without.
@pytest.mark.parametrize(
    ("kind", "params", "weighted"),
    [(*fit, weighted) for fit, weighted in zip(FITS.values(), cycle([True, False]), strict=False)],
    ids=FITS,
)
def test_a_fit_is_the_same_with_and_without(kind, params, weighted):
    X = DIGITS / 16 if params.get("loss") == "log_loss" else DIGITS
    weight = np.arange(len(X)) % 3 + 0.5 if weighted else None
    # One batch an epoch is computed in double precision, where rounding stays rounding.
    base = {"hidden_layer_sizes": (16,), "batch_size": 400, "max_iter": 6, "random_state": 0}
    fits, fused = [], []
    for optimizer in (optim.Adam, AdamByAutograd):
        # With torch's eps, Adam would turn the rounding of vanishing gradients into steps.
        watch = Watch()
        fits.append(
            kind(4, optimizer=partial(optimizer, eps=1e-6), callbacks=[watch], **base | params)
        )
        fits[-1].fit(X, sample_weight=weight)
        fused.append(watch.fused)
    assert fused == [[True] * len(fused[0]), [False] * len(fused[1])]
    tolerance = 1e-4 if "batch_size" in params else 1e-6
    for ae in fits:
        ae.partial_fit(X[:100])
    assert_allclose(fits[0].loss_curve_, fits[1].loss_curve_, rtol=tolerance)
    assert_allclose(fits[0].loss_, fits[1].loss_, rtol=tolerance)
    scores = [ae.score_samples(X) for ae in fits]
    assert_allclose(*scores, rtol=10 * tolerance, atol=tolerance)
    # The control: training did something that could have differed.
    assert np.ptp(fits[0].loss_curve_) > 10 * tolerance * abs(fits[0].loss_)
    if kind is AdversarialAutoencoder:
        losses = [ae.net_.history[:, "discriminator_loss"] for ae in fits]
        assert_allclose(*losses, rtol=10 * tolerance)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "kind", [AutoencoderTransformer, VariationalAutoencoder, AdversarialAutoencoder]
)
def test_the_defaults_are_fused(kind, precision):
    watch = Watch()
    kind(2, max_iter=1, random_state=0, precision=precision, callbacks=[watch]).fit(DIGITS)
    plain = kind is AutoencoderTransformer
    assert watch.fused == [plain or precision == "float32"]
