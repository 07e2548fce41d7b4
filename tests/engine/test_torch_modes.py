"""Torch's modes and global settings change no answer, and stay as the caller set them."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch_mode_cases import MODES, all_modes, autocast, default_dtype

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    DriftDetector,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import torch_defaults
from skae.engine._process_settings import ProcessSettings
from skae.engine._torch_modes import ON_GPUS
from skae.networks import Network, SequenceNetwork

SMALL = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (16,)}
SHAPED = {"max_iter": 1, "random_state": 0}
SIZES = {"channels": (4, 8), "hidden_layer_sizes": (16,)}

ESTIMATORS = {
    "plain": lambda: AutoencoderTransformer(3, **SMALL),
    "in_float64": lambda: AutoencoderTransformer(3, batch_size=210, **SMALL),
    "by_autograd": lambda: AutoencoderTransformer(3, normalization="layer", dropout=0.2, **SMALL),
    "in_bfloat16": lambda: AutoencoderTransformer(3, precision="bfloat16", **SMALL),
    "log_loss": lambda: AutoencoderTransformer(3, loss="log_loss", **SMALL),
    "denoising": lambda: DenoisingAutoencoder(3, **SMALL),
    "variational": lambda: VariationalAutoencoder(3, **SMALL),
    "adversarial": lambda: AdversarialAutoencoder(3, **SMALL),
    "top_k": lambda: SparseAutoencoder(8, **SMALL),
    "kl": lambda: SparseAutoencoder(8, penalty="kl", **SMALL),
    "contractive": lambda: ContractiveAutoencoder(3, **SMALL),
    "nested": lambda: NestedAutoencoder(3, **SMALL),
    "convolutional": lambda: ConvolutionalAutoencoder(3, **SIZES, **SHAPED),
    "sequence": lambda: AutoencoderTransformer(3, network=SequenceNetwork(**SIZES), **SHAPED),
    "gru": lambda: AutoencoderTransformer(
        3, network=SequenceNetwork(kind="gru", hidden_size=8), **SHAPED
    ),
    "detector": lambda: AutoencoderOutlierDetector(
        DenoisingAutoencoder(4, **SMALL), n_estimators=2, cv=2, random_state=0
    ),
}


def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(210, 3)) @ rng.normal(size=(3, 16)) + 0.1 * rng.normal(size=(210, 16))
    return (X - X.min()) / np.ptp(X)


X = table()


def answers(make, path):
    """Everything that an estimator answers: fitted, from a pickle, from a file, trained on."""
    estimator = make().fit(X)
    found = {}
    methods = ("transform", "reconstruct", "score_samples", "p_values", "predict", "explain")
    for method in (*methods, "elbo", "jacobian_norm"):
        if hasattr(estimator, method):
            found[method] = np.asarray(getattr(estimator, method)(X[:40]))
    found["inverse_transform"] = estimator.inverse_transform(found["transform"])
    if hasattr(estimator, "sample"):
        found["sample"] = estimator.sample(5, random_state=0)
        found["encoder_"] = estimator.encoder_.transform(X)
    if hasattr(estimator, "truncate"):
        found["truncate"] = estimator.truncate(2).transform(X)
    found["pickle"] = pickle.loads(pickle.dumps(estimator)).transform(X)
    skae.save(estimator, path)
    found["file"] = skae.load(path).transform(X)
    drift = DriftDetector(estimator, n_permutations=99, random_state=0).fit(0.9 * X[:100] + 0.05)
    found["drift"] = drift.test(X[100:]).tests["p_value"]
    estimator.set_params(random_state=1).partial_fit(X)
    found["partial_fit"] = estimator.transform(X)
    return found


@pytest.fixture(scope="module")
def plain_answers(tmp_path_factory):
    """The answers of each estimator without any mode, found once."""
    known = {}

    def of(name):
        if name not in known:
            path = tmp_path_factory.mktemp("plain") / "model.skae"
            known[name] = answers(ESTIMATORS[name], path)
        return known[name]

    return of


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_all_modes_together_change_no_bit(name, plain_answers, tmp_path):
    with all_modes():
        found = answers(ESTIMATORS[name], tmp_path / "model.skae")
    assert_same(found, plain_answers(name))


# Convolutions have kernels of their own, which some of the modes choose.
@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("by_autograd", mode) for mode in MODES),
        *(("convolutional", mode) for mode in ("autocast", "deterministic_algorithms")),
    ],
)
def test_no_mode_changes_a_bit(name, mode, plain_answers, tmp_path):
    with MODES[mode]():
        found = answers(ESTIMATORS[name], tmp_path / "model.skae")
    assert_same(found, plain_answers(name))


def test_the_modes_change_what_torch_answers():
    """The control: the modes are on while the estimators are asked."""
    x = torch.ones(3, 3, requires_grad=True)
    with autocast():
        assert (x @ x).dtype == torch.bfloat16
    with default_dtype():
        assert torch.ones(3).dtype == torch.float64
    with all_modes():
        assert torch.ones(3).device.type == "meta"
        assert not (x * x).requires_grad
        AutoencoderTransformer(3, **SMALL).fit(X).transform(X)
        assert torch.ones(3).device.type == "meta"
        assert torch.ones(3).dtype == torch.float64
        assert torch.is_autocast_enabled("cpu")
        assert not torch.is_grad_enabled()


# -- modules that draw from torch's global generator ------------------------------------------


@dataclass
class Own(Network):
    """A network as a user writes it, with torch's own modules."""

    dropout: float = 0.3

    def build_encoder(self, n_features, n_outputs, generator):
        """Return torch's own modules."""
        return nn.Sequential(
            nn.Linear(n_features, 12), nn.Tanh(), nn.Dropout(self.dropout), nn.Linear(12, n_outputs)
        )

    def build_decoder(self, n_components, n_features, generator):
        """Return torch's own modules."""
        return nn.Sequential(nn.Linear(n_components, 12), nn.Tanh(), nn.Linear(12, n_features))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
def test_a_network_of_a_users_own_follows_random_state(estimator, dropout):
    def codes(seed, torch_seed):
        with torch.random.fork_rng():
            torch.manual_seed(torch_seed)
            before = torch.get_rng_state()
            params = {"network": Own(dropout), "init": "random", "max_iter": 3}
            ae = estimator(3, **params, random_state=seed).fit(X).partial_fit(X)
            assert torch.equal(torch.get_rng_state(), before)
            return ae.transform(X)

    first = codes(0, torch_seed=1)
    np.testing.assert_array_equal(codes(0, torch_seed=2), first)
    assert np.abs(codes(1, torch_seed=1) - first).max() > 1e-3


def test_dropout_of_a_users_own_differs_between_epochs():
    """Each epoch has numbers of its own: repeating those of the first would be no noise."""

    class Masks(nn.Dropout):
        def forward(self, x):
            dropped = super().forward(x)
            if self.training:
                seen.append(dropped[0].detach().clone() == 0)
            return dropped

    @dataclass
    class Watched(Own):
        def build_encoder(self, n_features, n_outputs, generator):
            return nn.Sequential(Masks(0.5), nn.Linear(n_features, n_outputs))

    seen = []
    params = {"network": Watched(), "batch_size": 210, "early_stopping": False, "max_iter": 4}
    AutoencoderTransformer(3, **params, init="random", random_state=0).fit(X)
    assert len({tuple(mask.tolist()) for mask in seen}) == 4


@pytest.mark.parametrize("value", ["bf16", "tf32"])
def test_precision_that_is_set_for_all_of_torch(value):
    mkldnn = torch.backends.mkldnn
    kinds = (mkldnn.matmul, mkldnn.conv, mkldnn.rnn)
    before = torch.backends.fp32_precision
    torch.backends.fp32_precision = value
    found = [kind.fp32_precision for kind in kinds]
    assert value in found
    try:
        with torch_defaults():
            assert {kind.fp32_precision for kind in kinds} == {"ieee"}
        assert [kind.fp32_precision for kind in kinds] == found
    finally:
        torch.backends.fp32_precision = before
    # They follow that setting as before.
    assert value not in [kind.fp32_precision for kind in kinds]


def cudnn_settings():
    cudnn = torch.backends.cudnn
    return [cudnn.allow_tf32, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_network_can_be_exported_with_the_settings_of_gpus(allowed):
    # Torch exports a network only where its older and newer settings of cuDNN agree. They can be
    # changed without a GPU, where they mean nothing.
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = allowed
    found = cudnn_settings()
    try:
        with ProcessSettings(ON_GPUS), torch.random.fork_rng(devices=[]):
            assert cudnn_settings()[0] is False
            assert "tf32" not in cudnn_settings()
            torch.export.export(nn.Linear(3, 2), (torch.zeros(2, 3),))
        assert cudnn_settings() == found
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_settings_of_cudnn_that_differ_stay_as_they_are():
    conv = torch.backends.cudnn.conv
    before = conv.fp32_precision
    conv.fp32_precision = "ieee"
    try:
        with pytest.raises(RuntimeError, match="TF32"):
            cudnn_settings()
        with ProcessSettings(ON_GPUS):
            assert conv.fp32_precision == torch.backends.cudnn.rnn.fp32_precision == "ieee"
        assert [conv.fp32_precision, torch.backends.cudnn.rnn.fp32_precision] == ["ieee", before]
    finally:
        conv.fp32_precision = before


def test_settings_of_cudnn_stay_when_that_of_all_of_torch_changes():
    before, found = torch.backends.fp32_precision, cudnn_settings()
    torch.backends.fp32_precision = "tf32"
    try:
        with ProcessSettings(ON_GPUS):
            pass
    finally:
        torch.backends.fp32_precision = before
    assert cudnn_settings() == found
