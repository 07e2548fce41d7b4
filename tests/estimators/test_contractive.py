"""The contractive autoencoder: its penalty, what it measures, and what it is good for."""

import pickle
from dataclasses import dataclass
from functools import cache
from itertools import cycle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from schedule_cases import OF_VARIANTS
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from torch import nn

from skae import AutoencoderTransformer, ContractiveAutoencoder
from skae._batch import Batch
from skae.networks import ACTIVATIONS, DenseNetwork
from skae.objectives import ReconstructionObjective
from skae.objectives._contraction import ContractiveObjective

DIGITS = np.random.default_rng(0).permutation(load_digits().data).astype(np.float32)
TRAIN, TEST = DIGITS[:400], DIGITS[1300:]
SMALL = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
# High enough for few steps to lead away from the start at PCA.
SMALL["learning_rate_init"] = 0.01
STARTS = cycle(["pca", "random"])
DEEP = SMALL | {"hidden_layer_sizes": (16, 8)}


@cache
def blob_of(deep, **params):
    return pickle.dumps(ContractiveAutoencoder(**(DEEP if deep else SMALL) | params).fit(TRAIN))


def fitted(*, deep=False, **params):
    """The fit of these parameters, trained once, as an estimator of the test's own."""
    return pickle.loads(blob_of(deep, **params))


def jacobians(function, x):
    """The derivative of each row of the function with respect to its own row."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda r: function(r[None])[0], row) for row in x]
    )


def parts_of(ae, x, weight=None, *, training=True):
    """What the objective of an estimator answers for scaled rows in double precision."""
    net = ae.net_
    net.module_.double()
    return net.criterion_.train(training)(net.module_, Batch(x, weight))


def scaled(ae, X):
    return torch.as_tensor((X.astype(np.float64) - ae.mean_) / ae.scale_)


# -- the penalty -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "init"),
    [
        ({"hidden_layer_sizes": ()}, "pca"),
        ({"hidden_layer_sizes": ()}, "random"),
        *zip(
            ({"activation": name} for name in ACTIVATIONS), cycle(["pca", "random"]), strict=False
        ),
    ],
    ids=str,
)
def test_it_is_exact_up_to_one_hidden_layer(params, init):
    ae = ContractiveAutoencoder(contraction=0.3, init=init, **SMALL | params).fit(TRAIN[:200])
    x = scaled(ae, TEST[:20])
    weight = torch.linspace(0.1, 2, 20, dtype=torch.float64)
    unweighted, weighted = (parts_of(ae, x, w)["contraction"].item() for w in (None, weight))
    encoder = ae.net_.module_.encoder
    codes, slopes = encoder(x).detach().numpy(), jacobians(encoder, x).numpy()
    for found, w in ((unweighted, np.ones(20)), (weighted, weight.numpy())):
        spread = np.sqrt(np.cov(codes.T, aweights=w, ddof=0).diagonal())
        each = np.square(slopes / spread[:, None]).sum(axis=(1, 2))
        assert_allclose(found, 0.3 * (each * w).mean(), rtol=1e-9)


def test_the_estimate_for_deep_encoders_is_right_on_average():
    ae = fitted(deep=True, contraction=1)
    x = scaled(ae, TEST[:40])
    drawn = [parts_of(ae, x)["contraction"].item() for _ in range(100)]
    encoder = ae.net_.module_.encoder
    slopes = jacobians(encoder, x) / encoder(x).detach().std(dim=0, correction=0)[:, None]
    exact = slopes.square().sum(dim=(1, 2)).mean().item()
    deviation = np.std(drawn)
    assert 0.001 * exact < deviation < 0.2 * exact
    assert abs(np.mean(drawn) - exact) < 4 * deviation / 10


def test_what_is_measured_is_the_same_every_time():
    ae = fitted(deep=True)
    x = scaled(ae, TEST[:40])
    one, same = (parts_of(ae, x, training=False)["contraction"].item() for _ in range(2))
    assert one == same
    assert parts_of(ae, x)["contraction"].item() != parts_of(ae, x)["contraction"].item()
    # Gradients are switched off where nothing is trained.
    with torch.no_grad():
        assert parts_of(ae, x, training=False)["contraction"].item() == one


def test_the_unit_of_the_codes_does_not_matter():
    ae = fitted(contraction=1)
    x = scaled(ae, TEST[:40])
    before = parts_of(ae, x)["contraction"].item()
    last = [m for m in ae.net_.module_.encoder.modules() if isinstance(m, nn.Linear)][1:]
    value = parts_of(ae, x)["contraction"]
    gradients = torch.autograd.grad(value, [m.weight for m in last])
    # Along the weights themselves, the penalty does not fall.
    along = sum((g * m.weight).sum() for g, m in zip(gradients, last, strict=True))
    assert abs(along.item()) < 1e-9 * before
    with torch.no_grad():
        for layer in last:
            layer.weight.mul_(0.01)
    assert_allclose(parts_of(ae, x)["contraction"].item(), before, rtol=1e-6)


def test_a_measurement_does_not_depend_on_a_last_batch_of_few_rows():
    ae = fitted(contraction=1)
    x = scaled(ae, TEST[:101])
    x[100] = 1.01 * x[99]
    net = ae.net_
    net.module_.double()
    objective = net.criterion_.eval()
    whole = objective(net.module_, Batch(x))["contraction"].item()
    objective.eval()
    first, last = (
        objective(net.module_, Batch(part))["contraction"].item() for part in (x[:99], x[99:])
    )
    assert_allclose((99 * first + 2 * last) / 101, whole, rtol=0.05)
    # The control: on their own these two rows have no spread that means anything.
    alone = objective.eval()(net.module_, Batch(x[99:]))["contraction"].item()
    assert abs(alone - last) > 0.5 * last


def test_codes_that_do_not_vary_are_no_trouble():
    X = np.full((60, 4), 3.0)
    ae = ContractiveAutoencoder(2, hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(X)
    assert np.isfinite(ae.loss_)
    assert np.isfinite(ae.jacobian_norm(X)).all()
    # More codes than the data have dimensions.
    X = np.random.default_rng(0).normal(size=(80, 2)) @ np.ones((2, 5))
    ae = ContractiveAutoencoder(4, hidden_layer_sizes=(3,), max_iter=20, random_state=0).fit(X)
    assert np.isfinite(ae.jacobian_norm(X)).all()


# -- the norm of the Jacobian ----------------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"contraction": 0}, {"normalization": "batch", "dropout": 0.2}], ids=str
)
def test_jacobian_norm_is_the_derivative_of_transform(params):
    X, new = (part.astype(np.float64) for part in (TRAIN[:190], TEST[:6]))
    # One batch of float64: transform is precise enough for differences.
    ae = ContractiveAutoencoder(**DEEP | {"batch_size": 190} | params).fit(X)
    norms = ae.jacobian_norm(new)
    assert norms.shape == (6,)
    assert norms.dtype == np.float64
    step = 1e-4
    for row, norm in zip(new, norms, strict=True):
        moved = step * np.eye(len(row))
        slopes = (ae.transform(row + moved) - ae.transform(row - moved)) / (2 * step)
        assert_allclose(norm, np.linalg.norm(slopes), rtol=1e-6)


def test_jacobian_norm_in_another_unit_and_another_container():
    ae = fitted(deep=True)
    norms = ae.jacobian_norm(TEST)
    assert_array_equal(ae.jacobian_norm(TEST[:1]), norms[:1])
    assert_allclose(ae.jacobian_norm(sparse.csr_array(TEST)), norms, rtol=1e-6)
    with torch.inference_mode():
        assert_array_equal(ae.jacobian_norm(torch.from_numpy(TEST.copy())), norms)
    larger = ContractiveAutoencoder(**DEEP).fit(TRAIN * 8)
    assert_allclose(larger.jacobian_norm(TEST * 8), norms / 8, rtol=1e-3)


# -- the estimator ---------------------------------------------------------------------------


@pytest.mark.parametrize("params", [SMALL, DEEP | {"init": "random", "dropout": 0.1}], ids=str)
def test_without_the_penalty_it_is_the_plain_autoencoder(params):
    plain = AutoencoderTransformer(**OF_VARIANTS | params).fit(TRAIN)
    idle = ContractiveAutoencoder(contraction=0, **params).fit(TRAIN)
    contractive = ContractiveAutoencoder(**params).fit(TRAIN)
    assert_array_equal(idle.transform(TEST), plain.transform(TEST))
    assert_array_equal(idle.loss_curve_, plain.loss_curve_)
    assert not np.array_equal(contractive.transform(TEST), plain.transform(TEST))


@pytest.mark.parametrize(
    ("params", "at_most"),
    [
        ({"hidden_layer_sizes": (64,), "contraction": 0.15}, 0.7),
        (
            {"init": "random", "contraction": 0.02, "learning_rate_init": 5e-3, "max_iter": 40},
            0.75,
        ),
        ({"network": DenseNetwork((32,), normalization="layer"), "contraction": 0.15}, 0.75),
        (
            {"precision": "bfloat16", "hidden_layer_sizes": (32, 16), "contraction": 0.15},
            0.75,
        ),
    ],
    ids=str,
)
def test_codes_are_less_sensitive_at_about_the_same_error(params, at_most):
    params = {"n_components": 8, "max_iter": 30, "random_state": 0} | params
    if "network" not in params:
        params = {"hidden_layer_sizes": (64,)} | params
    # A random start needs more steps to come as far as PCA.
    X = DIGITS[: 600 if "init" in params else 300]
    plain = ContractiveAutoencoder(**params | {"contraction": 0}).fit(X)
    contractive = ContractiveAutoencoder(**params).fit(X)
    assert contractive.jacobian_norm(TEST).mean() < at_most * plain.jacobian_norm(TEST).mean()
    assert contractive.score(TEST) > 1.1 * plain.score(TEST)
    # Codes have not merely become smaller.
    assert_allclose(contractive.transform(X).std(axis=0), 1, atol=1e-3)


def test_the_penalty_of_the_codes_themselves_would_only_shrink_them():
    """Why the codes are divided by their spread: the control without it."""

    class AnySpread(nn.Module):
        def forward(self, codes, sample_weight):
            return torch.ones(codes.shape[1])

    class Raw(ContractiveAutoencoder):
        def _make_objective(self, seed):
            objective = super()._make_objective(seed)
            if isinstance(objective, ContractiveObjective):
                objective.spread = AnySpread()
            return objective

    params = {"n_components": 8, "hidden_layer_sizes": (32,), "max_iter": 20, "random_state": 0}
    X = DIGITS[:600]
    plain, raw = (Raw(contraction=c, **params).fit(X) for c in (0, 0.1))
    contractive = ContractiveAutoencoder(contraction=0.05, **params).fit(X)
    scales = [ae.net_.module_.code_scale.mean() for ae in (plain, raw, contractive)]
    assert scales[1] < 0.6 * scales[0]
    assert scales[2] > 0.9 * scales[0]
    # It asks for more of the error and makes less of the sensitivity.
    assert contractive.jacobian_norm(TEST).mean() < raw.jacobian_norm(TEST).mean()
    assert contractive.score(TEST) > raw.score(TEST)


def test_the_loss_has_the_penalty_in_it():
    ae = ContractiveAutoencoder(**SMALL, contraction=0.05).fit(TRAIN)
    norms = np.square(ae.jacobian_norm(TRAIN) * ae.scale_).mean()
    assert_allclose(ae.loss_, -ae.score(TRAIN) + 0.05 * norms * ae.scale_**2, rtol=1e-3)
    epoch = ae.net_.history[-1]
    assert {"train_reconstruction", "train_contraction"} <= {*epoch}
    both = epoch["train_reconstruction"] + epoch["train_contraction"]
    assert_allclose(epoch["train_loss"], both)


@pytest.mark.parametrize("deep", [False, True])
def test_a_pickle_goes_on(deep):
    ae = ContractiveAutoencoder(**DEEP if deep else SMALL).fit(TRAIN[:200])
    loaded = pickle.loads(pickle.dumps(ae))
    assert_array_equal(loaded.jacobian_norm(TEST), ae.jacobian_norm(TEST))
    for one in (ae, loaded):
        one.partial_fit(TRAIN[200:300]).set_params(warm_start=True).fit(TRAIN[:200])
    assert_array_equal(loaded.transform(TEST), ae.transform(TEST))


def test_the_strength_may_change_between_fits():
    X = DIGITS[:1300]
    ae = ContractiveAutoencoder(contraction=0, warm_start=True, **DEEP).fit(X)
    assert type(ae.net_.criterion_) is ReconstructionObjective
    before = ae.jacobian_norm(TEST).mean()
    ae.set_params(contraction=1.0).fit(X)
    assert ae.jacobian_norm(TEST).mean() < 0.9 * before


@dataclass
class Convolutional(DenseNetwork):
    """An encoder that is no stack of dense layers."""

    def build_encoder(self, n_features, n_outputs, generator):
        with torch.random.fork_rng():
            torch.manual_seed(generator.initial_seed())
            return nn.Sequential(
                nn.Unflatten(1, (1, n_features)),
                nn.Conv1d(1, 4, 8, stride=4),
                nn.Softplus(),
                nn.Flatten(),
                nn.Linear(4 * 15, n_outputs),
            )


@pytest.mark.parametrize("init", ["pca", "random"])
def test_other_networks_are_estimated(init):
    params = {"network": Convolutional((16,)), "init": init, "max_iter": 4, "random_state": 0}
    X = DIGITS[:1300]
    plain, contractive = (
        ContractiveAutoencoder(4, contraction=c, **params).fit(X) for c in (0, 0.3)
    )
    assert contractive.jacobian_norm(TEST).mean() < plain.jacobian_norm(TEST).mean()
    assert contractive.net_.history[-1]["train_contraction"] > 0


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [-0.1, "much", None])
def test_bad_strengths(strength):
    with pytest.raises(ValueError, match="The 'contraction' parameter of ContractiveAutoencoder"):
        ContractiveAutoencoder(contraction=strength, **SMALL).fit(TRAIN)


def test_a_batch_of_one_row_is_refused():
    ae = fitted()
    before = ae.transform(TEST)
    with pytest.raises(ValueError, match="batch has only one row"):
        ae.partial_fit(TRAIN[:1])
    assert_array_equal(ae.transform(TEST), before)
    with pytest.raises(ValueError, match="batch has only one row"):
        ContractiveAutoencoder(batch_size=1, **SMALL).fit(TRAIN)
    ContractiveAutoencoder(batch_size=2, **SMALL | {"max_iter": 1}).fit(TRAIN[:100])


def test_bad_rows_to_measure():
    with pytest.raises(NotFittedError):
        ContractiveAutoencoder().jacobian_norm(TRAIN)
    ae = fitted()
    with pytest.raises(ValueError, match="X has 3 features"):
        ae.jacobian_norm(TRAIN[:, :3])
