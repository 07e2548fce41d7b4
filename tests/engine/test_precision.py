"""Shorter operands of matrix products: nearly the same model, and nothing else changes."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest
import torch
from fused_cases import fused_step, is_fused, pairwise
from loss_cases import loss_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback
from torch import nn, optim

from skae import AutoencoderTransformer, ConvolutionalAutoencoder
from skae._batch import Batch
from skae.engine._precision import autocast, products_in
from skae.networks import Autoencoder, ConvolutionalNetwork, DenseNetwork, SequenceNetwork
from skae.objectives import LOSSES, Head, ReconstructionObjective, WeightPenalty

DIGITS = np.random.default_rng(0).permutation(load_digits().data)[:300].astype(np.float32)
# A start at PCA might be gone back to, and nothing of training would be seen.
PARAMS = {"n_components": 4, "hidden_layer_sizes": (16,), "init": "random", "max_iter": 5}
PARAMS |= {"random_state": 0}
ON_GPUS = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)


def halves(network, n_features, n_components, generator):
    """Both halves of an autoencoder as a network describes them."""
    encoder = network.build_encoder(n_features, n_components, generator)
    return encoder, network.build_decoder(n_components, n_features, generator)


def make(**params):
    return AutoencoderTransformer(**PARAMS | params)


def weights(ae):
    return torch.cat([p.detach().ravel() for p in ae.net_.module_.parameters()])


# -- bfloat16 --------------------------------------------------------------------------------

VARIANTS = {
    "defaults": {},
    "pca": {"init": "pca", "max_iter": 15},
    "held_out": {"early_stopping": True},
    "clipped": {"max_grad_norm": 0.1},
    "penalised": {"alpha": 1e-3, "l1_ratio": 0.5},
    "poisson": {"loss": "poisson"},
    "log_loss": {"loss": "log_loss"},
    "huber": {"loss": "huber", "optimizer": "sgd"},
    "absolute_error": {"loss": "absolute_error"},
}


@pytest.mark.parametrize(
    ("variant", "normalization", "weighted"), pairwise(VARIANTS, [None, "layer"], [False, True])
)
def test_bfloat16_learns_as_much(variant, normalization, weighted):
    params = VARIANTS[variant]
    X = DIGITS / 16 if params.get("loss") == "log_loss" else DIGITS
    weight = np.arange(300) % 3 + 1.0 if weighted else None
    params = params | {"normalization": normalization}
    exact = make(**params).fit(X, sample_weight=weight)
    short = make(**params, precision="bfloat16").fit(X, sample_weight=weight)
    assert is_fused(short) is (normalization is None)
    assert_allclose(short.loss_curve_, exact.loss_curve_, rtol=5e-3)
    assert_allclose(short.score(X), exact.score(X), rtol=5e-3)
    # The control: it did something.
    assert not torch.equal(weights(short), weights(exact))
    assert weights(short).dtype == torch.float32
    for dtype in (np.float32, np.float64):
        assert short.transform(X.astype(dtype)).dtype == dtype
        assert short.reconstruct(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("normalization", [None, "layer"])
def test_answers_are_in_single_precision(normalization):
    """Only training is shortened: with the same weights the answers are the same."""
    short = make(precision="bfloat16", normalization=normalization).fit(DIGITS)
    exact = make(normalization=normalization).fit(DIGITS)
    before = exact.reconstruct(DIGITS)
    exact.net_.module_.load_state_dict(short.net_.module_.state_dict())
    assert_array_equal(exact.reconstruct(DIGITS), short.reconstruct(DIGITS))
    assert_array_equal(exact.score_samples(DIGITS), short.score_samples(DIGITS))
    assert not np.array_equal(exact.reconstruct(DIGITS), before)
    # So is the loss that training reports of all rows.
    assert_allclose(short.loss_, -short.score(DIGITS), rtol=1e-5)


def gradient(compute, loss):
    generator = torch.Generator().manual_seed(0)
    encoder, decoder = halves(DenseNetwork((32, 16)), 64, 8, generator)
    module = Autoencoder(encoder, decoder, 8)
    rows = torch.rand(200, 64, generator=generator)
    objective = ReconstructionObjective([Head(loss_of(loss, 64))], WeightPenalty(0.0, 0.0))
    compute(module, objective, rows)
    return torch.cat([p.grad.ravel() for p in module.parameters()])


def by_autograd(module, objective, x):
    sum(objective(module, Batch(x)).values()).backward()


def by_autocast(module, objective, x):
    with torch.autocast("cpu", torch.bfloat16):
        parts = objective(module, Batch(x))
    sum(parts.values()).backward()


def by_hand(module, objective, x):
    fused_step(module, objective, optim.Adam(module.parameters()), None, torch.bfloat16)(Batch(x))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_fused_gradient_in_bfloat16(loss):
    exact, autocast, fused = (gradient(f, loss) for f in (by_autograd, by_autocast, by_hand))
    assert fused.dtype == torch.float32

    def error(found, expected):
        return ((found - expected).norm() / expected.norm()).item()

    # Eight bits of each operand are seen, and no more is lost than by torch's own way.
    assert 1e-4 < error(fused, exact) < 0.03
    assert error(fused, autocast) < 0.03
    assert error(fused, exact) < 2 * error(autocast, exact)


def test_a_batch_of_all_rows_is_then_not_in_double_precision():
    params = {"batch_size": 600, "early_stopping": False}
    X = DIGITS.astype(np.float64)
    assert weights(make(**params).fit(X)).dtype == torch.float64
    assert weights(make(**params, precision="bfloat16").fit(X)).dtype == torch.float32


# -- tf32 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "dtype", "method"),
    [
        ({}, np.float32, "fit"),
        ({}, np.float64, "partial_fit"),
        ({"normalization": "layer"}, np.float32, "partial_fit"),
        ({"batch_size": 600}, np.float64, "fit"),
        ({"batch_size": 600}, np.float32, "fit"),
    ],
    ids=str,
)
def test_tf32_changes_no_bit_on_the_cpu(params, dtype, method):
    X, params = DIGITS.astype(dtype), params | {"early_stopping": False}
    exact, short = (getattr(make(precision=p, **params), method)(X) for p in ("float32", "tf32"))
    assert torch.equal(weights(short), weights(exact))
    assert short.loss_curve_ == exact.loss_curve_


def settings():
    return [backend.fp32_precision for backend in ON_GPUS]


@pytest.fixture(params=["ieee", "tf32"])
def before(request):
    """The caller's own setting, which must be put back."""
    found = settings()
    for backend in ON_GPUS:
        backend.fp32_precision = request.param
    yield [request.param] * 2
    for backend, setting in zip(ON_GPUS, found, strict=True):
        backend.fp32_precision = setting


class Watch(Callback):
    """Note the setting at the end of each epoch."""

    def initialize(self):
        self.seen = []
        return self

    def on_epoch_end(self, net, **kwargs):
        self.seen.append(settings())


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "tf32"])
def test_a_fit_on_the_cpu_leaves_the_setting_alone(before, precision):
    watch = Watch()
    make(precision=precision, callbacks=[watch]).fit(DIGITS)
    # With CUDA, fits compute as if callers had not set it.
    during = ["ieee", "ieee"] if torch.version.cuda else before
    assert watch.seen == [during] * 5
    assert settings() == before


# The setting can be changed without a GPU, where it means nothing.
CUDA = torch.device("cuda")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "tf32"])
def test_the_callers_setting_is_put_back(before, precision):
    def train():
        with products_in(precision, CUDA):
            assert settings() == (["tf32", "tf32"] if precision == "tf32" else before)
            raise RuntimeError("training failed")

    with pytest.raises(RuntimeError, match="training failed"):
        train()
    assert settings() == before


def test_the_setting_is_put_back_by_the_last_of_two_threads(before):
    both, first_is_done = Barrier(2, timeout=20), Event()

    def train(is_second):
        with products_in("tf32", CUDA):
            both.wait()
            if is_second:
                assert first_is_done.wait(20)
                return settings()

    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(train, is_second) for is_second in (False, True))
        first.result()
        first_is_done.set()
        assert second.result() == ["tf32", "tf32"]
    assert settings() == before


# -- the parameter ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["float16", "bf16", None, 32, torch.bfloat16])
def test_other_precisions_are_refused(value):
    ae = make(precision=value)
    with pytest.raises(InvalidParameterError, match="'precision' parameter") as caught:
        ae.fit(DIGITS)
    assert all(repr(name) in str(caught.value) for name in ("float32", "bfloat16", "tf32"))
    assert not hasattr(ae, "net_")


@pytest.mark.parametrize("params", [{}, {"normalization": "layer"}], ids=str)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_precision_may_change_when_training_goes_on(method, params):
    ends = []
    for precision in ("float32", "bfloat16", "tf32"):
        ae = getattr(make(warm_start=True, **params), method)(DIGITS)
        before = weights(ae).clone()
        getattr(ae.set_params(precision=precision), method)(DIGITS)
        assert not torch.equal(weights(ae), before)
        ends.append((weights(ae), ae.score(DIGITS)))
    assert torch.equal(ends[0][0], ends[2][0])
    assert not torch.equal(ends[0][0], ends[1][0])
    assert_allclose(ends[1][1], ends[0][1], rtol=5e-3)


def test_clones_and_pickles_keep_the_precision():
    ae = make(precision="bfloat16").fit(DIGITS)
    assert ae.get_params()["precision"] == "bfloat16"
    copies = clone(ae).fit(DIGITS), pickle.loads(pickle.dumps(ae))
    for copied in copies:
        assert copied.precision == "bfloat16"
        assert_array_equal(copied.transform(DIGITS), ae.transform(DIGITS))
    # Training goes on in it, too.
    assert torch.equal(weights(copies[1].partial_fit(DIGITS)), weights(ae.partial_fit(DIGITS)))


# -- what the processor's kernels get wrong in bfloat16 ---------------------------------------


def dtypes_of(ae, kinds, X):
    """The types that modules of some kinds answer with while an estimator trains."""
    seen = {kind: set() for kind in kinds}

    def watch(module, args, result):
        result = result[0] if isinstance(result, tuple) else result
        if module.training:
            seen[next(kind for kind in kinds if isinstance(module, kind))].add(result.dtype)

    class Hooks(Callback):
        def on_train_begin(self, net, **kwargs):
            for module in net.module_.modules():
                if isinstance(module, kinds):
                    module.register_forward_hook(watch)

    ae.set_params(callbacks=[Hooks()]).fit(X)
    return seen


CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def test_convolutions_train_in_float32_on_the_cpu():
    """Some processors answer NaN for convolutions of small images in bfloat16."""
    params = {"max_iter": 1, "random_state": 0, "channels": (4, 8, 16, 32)}
    ae = ConvolutionalAutoencoder(2, precision="bfloat16", **params)
    seen = dtypes_of(ae, (*CONVOLUTIONS, nn.Linear), np.random.default_rng(0).random((300, 8, 8)))
    assert seen.pop(nn.Linear) == {torch.bfloat16}
    assert seen == {kind: {torch.float32} for kind in CONVOLUTIONS}


@pytest.mark.parametrize("kind", ["convolutional", "gru"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (8, 8)])
def test_bfloat16_is_finite_where_float32_is(kind, size):
    X = np.random.default_rng(0).random((100, *size))
    network = SequenceNetwork(kind="gru", hidden_size=8)
    if kind == "convolutional":
        network = ConvolutionalNetwork(channels=(4, 8, 16, 32), hidden_layer_sizes=(8,))
    params = {"network": network, "init": "random", "max_iter": 2, "random_state": 0}
    short = AutoencoderTransformer(2, precision="bfloat16", **params).fit(X)
    exact = AutoencoderTransformer(2, **params).fit(X)
    assert_allclose(short.loss_, exact.loss_, rtol=0.05)


def test_arguments_by_name_are_in_float32_too():
    class ByName(nn.Conv1d):
        def forward(self, x):
            return torch.conv1d(input=x, weight=self.weight, bias=self.bias, padding=1)

    x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng():
        layer = ByName(3, 4, 3)
    with autocast("bfloat16", torch.device("cpu")):
        result = layer(x.bfloat16())
    assert result.dtype == torch.float32
    assert torch.equal(
        result, nn.functional.conv1d(x.bfloat16().float(), layer.weight, layer.bias, padding=1)
    )
