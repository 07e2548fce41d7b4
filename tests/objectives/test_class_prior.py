"""The prior of codes by class, against torch.distributions and against what the bound is of."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from skae._batch import Batch
from skae.networks import Autoencoder, GaussianLatent, Linear, SupervisedAutoencoder
from skae.objectives import (
    LABEL_LOSSES,
    LOSSES,
    ClassPrior,
    Head,
    SupervisedObjective,
    WeightPenalty,
)
from skae.objectives._variational import GaussianNoise, PosteriorDraw, VariationalObjective

N_ROWS, N_FEATURES, N_COMPONENTS, N_CLASSES = 12, 5, 3, 4
OWN_WEIGHT, BETA = 0.4, 0.7
GIVEN = torch.arange(N_ROWS) < 5
SHARES = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)


def normal(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def linear(n_inputs, n_outputs, seed):
    layer = Linear(n_inputs, n_outputs, None)
    layer.weight = nn.Parameter(normal(n_outputs, n_inputs, seed=seed) / 2)
    layer.bias = nn.Parameter(normal(n_outputs, seed=seed + 1) / 2)
    return layer


def network():
    """A linear variational autoencoder with a linear head."""
    encoder = linear(N_FEATURES, 2 * N_COMPONENTS, seed=0)
    decoder = linear(N_COMPONENTS, N_FEATURES, seed=2)
    autoencoder = Autoencoder(encoder, decoder, N_COMPONENTS, GaussianLatent())
    head = linear(N_COMPONENTS, N_CLASSES, seed=4)
    return SupervisedAutoencoder(autoencoder, head).double()


def batch(given=GIVEN, weight=None):
    """Rows of which some have a given label, and the others a wrong guess."""
    classes = torch.arange(N_ROWS) % N_CLASSES
    label = nn.functional.one_hot(classes, N_CLASSES).double()
    x = normal(N_ROWS, N_FEATURES, seed=6)
    return Batch(x, weight, label=label, label_weight=given.double(), label_given=given)


def objective(has_prior=True, kl_warm_up=0.0, free_bits=0.0):
    draw = PosteriorDraw(N_FEATURES, BETA, kl_warm_up, free_bits)
    draw.random.generator = torch.Generator().manual_seed(0)
    heads, noise = [Head(LOSSES["squared_error"])], GaussianNoise(0.5, learned=False)
    own = VariationalObjective(heads, WeightPenalty(0.0, 0.0), draw, noise)
    prior = ClassPrior(SHARES, N_COMPONENTS) if has_prior else None
    if prior is not None:
        prior.means = nn.Parameter(1.5 * normal(N_CLASSES, N_COMPONENTS, seed=7))
    loss = LABEL_LOSSES["log_loss"]
    made = SupervisedObjective(own, loss, 1 - OWN_WEIGHT, OWN_WEIGHT, None, 0.0, None, prior)
    return made.double().train()


def posterior(model, rows):
    mean, log_variance = model.encoder(rows.x).chunk(2, dim=1)
    return Normal(mean, (0.5 * log_variance).exp())


def divergences(model, rows, made):
    """Those from the prior of each class, of shape (n_samples, n_classes, n_components)."""
    q = posterior(model, rows)
    each = [kl_divergence(q, Normal(mean, 1.0)) for mean in made.class_prior.means]
    return torch.stack(each, dim=1)


def answered(model, rows):
    return model.answer(rows.x).softmax(dim=1)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_both_terms_are_what_torch_computes_by_class(is_weighted):
    weight = 0.5 + torch.arange(N_ROWS).double() / N_ROWS if is_weighted else None
    model, made, rows = network(), objective(), batch(weight=weight)
    parts = made(model, rows)
    share = torch.ones(N_ROWS) if weight is None else weight
    found = answered(model, rows)
    of_rows = torch.where(GIVEN[:, None], rows.label, found)
    kl = (of_rows * divergences(model, rows, made).sum(dim=2)).sum(dim=1)
    unit = OWN_WEIGHT * BETA / N_FEATURES
    torch.testing.assert_close(parts["kl"], unit * (share * kl).mean())
    of_classes = kl_divergence(Categorical(found), Categorical(SHARES)) * ~GIVEN
    torch.testing.assert_close(parts["class_kl"], unit * (share * of_classes).mean())


def test_both_terms_warm_up():
    model, made = network(), objective(kl_warm_up=0.2)
    full = made(model, batch())
    made.own.code_term.warm_up.progress = 0.05
    early = made(model, batch())
    for name in ("kl", "class_kl"):
        torch.testing.assert_close(early[name], full[name] / 4)


def test_bits_are_free_of_the_divergence_from_the_prior_of_the_class():
    # All rows are of known classes, so that components differ in one divergence each.
    rows = batch(given=torch.ones(N_ROWS, dtype=torch.bool))
    model, made = network(), objective()
    kl = (rows.label[:, :, None] * divergences(model, rows, made)).sum(dim=1).mean(dim=0)
    free_bits = kl.median().item()
    found = objective(free_bits=free_bits)(model, rows)["kl"]
    expected = OWN_WEIGHT * BETA / N_FEATURES * kl.clamp(min=free_bits).sum()
    torch.testing.assert_close(found, expected)


def test_means_of_zero_are_the_standard_normal_prior():
    model, made = network(), objective()
    made.class_prior.means = nn.Parameter(torch.zeros_like(made.class_prior.means))
    torch.testing.assert_close(
        made(model, batch())["kl"], objective(has_prior=False)(model, batch())["kl"]
    )


def gradient_of_head(made, rows, names=("kl", "class_kl")):
    model = network()
    parts = made(model, rows)
    total = sum(parts[name] for name in names if name in parts)
    gradients = torch.autograd.grad(total, list(model.head.parameters()), allow_unused=True)
    return sum(0.0 if one is None else one.abs().sum().item() for one in gradients)


def test_rows_without_a_label_reach_the_head_and_others_do_not():
    known = torch.ones(N_ROWS, dtype=torch.bool)
    assert gradient_of_head(objective(), batch(given=known)) == 0
    assert gradient_of_head(objective(), batch(given=~known)) > 0.01
    # Neither do they without the prior, whatever the part.
    parts = ("supervised", "reconstruction", "kl")
    assert gradient_of_head(objective(has_prior=False), batch(given=~known), parts) == 0


def test_a_label_stands_for_the_answer():
    rows, made = batch(), objective()
    sure, unsure = network(), network()
    with torch.no_grad():
        sure.head.bias += 20 * torch.eye(N_CLASSES, dtype=torch.float64)[0]
    each = [
        [
            made(model, Batch(rows.x[i : i + 1], **one_label(rows, i)))["kl"].item()
            for i in range(N_ROWS)
        ]
        for model in (sure, unsure)
    ]
    differs = torch.tensor(each[0]) != torch.tensor(each[1])
    assert torch.equal(differs, ~GIVEN)


def one_label(rows, i):
    names = ("label", "label_weight", "label_given")
    return {name: getattr(rows, name)[i : i + 1] for name in names}


def bound(model, made, rows):
    """The divergence of each row's codes and class from their prior, in nats."""
    prior = made.class_prior.of(rows, model.answer(rows.x))
    mean = posterior(model, rows).mean
    standard = kl_divergence(posterior(model, rows), Normal(0.0, 1.0))
    return (standard + prior.beyond_standard(mean)).sum(dim=1) + prior.divergence


def test_the_best_answers_are_those_of_the_rule_of_bayes():
    rows = batch(given=torch.zeros(N_ROWS, dtype=torch.bool))
    model, made = network(), objective()
    logits = SHARES.log() - divergences(model, rows, made).sum(dim=2)
    least = -logits.logsumexp(dim=1)
    assert (bound(model, made, rows) > least + 1e-3).all()
    best = made.class_prior.of(rows, logits)
    standard = kl_divergence(posterior(model, rows), Normal(0.0, 1.0)).sum(dim=1)
    beyond = best.beyond_standard(posterior(model, rows).mean).sum(dim=1)
    torch.testing.assert_close(standard + beyond + best.divergence, least)


def test_it_bounds_the_divergence_from_the_mixture_of_classes():
    rows = batch(given=torch.zeros(N_ROWS, dtype=torch.bool))
    model, made = network(), objective()
    q = posterior(model, rows)
    components = Independent(Normal(made.class_prior.means, 1.0), 1)
    mixture = MixtureSameFamily(Categorical(SHARES), components)
    noise = normal(20_000, N_ROWS, N_COMPONENTS, seed=8)
    codes = q.mean + q.stddev * noise
    log_ratio = Independent(q, 1).log_prob(codes) - mixture.log_prob(codes)
    error = log_ratio.std(dim=0) / noise.shape[0] ** 0.5
    assert (bound(model, made, rows) > log_ratio.mean(dim=0) + 3 * error).all()


def test_measurements_do_not_count_the_prior():
    made, rows = objective().eval(), batch()
    assert set(made(network(), rows)) == {"supervised"}
    assert made.own.code_term.prior is None


def test_the_prior_is_one_of_the_batch_that_it_was_made_for():
    made, model, rows = objective(), network(), batch()
    made(model, rows)
    own = made.own(model, rows)
    assert "class_kl" not in own
    standard = kl_divergence(posterior(model, rows), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(own["kl"], BETA / N_FEATURES * standard)


def test_means_start_at_those_of_labelled_rows():
    model, rows = network(), batch()
    prior = ClassPrior(SHARES, N_COMPONENTS).double()
    prior.start(model, [rows, rows])
    codes = posterior(model, rows).mean
    for place, mean in enumerate(prior.means):
        known = codes[GIVEN & (rows.label[:, place] > 0)]
        # Both batches, and one more row at zero.
        torch.testing.assert_close(mean, 2 * known.sum(dim=0) / (2 * len(known) + 1))
