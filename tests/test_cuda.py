"""The same on a GPU, where there is one."""

import os
import pickle
import subprocess
import sys
import warnings
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_digits
from skorch.callbacks import Callback

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import _training_rows
from skae.estimators.base._lockstep import fit_in_lockstep
from skae.networks import SequenceNetwork

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

X = load_digits().data[:600].astype(np.float32)
PARAMS = {"hidden_layer_sizes": (16, 8), "max_iter": 5, "random_state": 0}


def error(ae):
    return -ae.score(X)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"init": "random"},
        {"optimizer": "rmsprop"},
        {"dropout": 0.1},
        {"normalization": "batch"},
    ],
    ids=str,
)
def test_a_fit_on_the_gpu_reconstructs_like_one_on_the_cpu(params):
    on_cpu = AutoencoderTransformer(4, **PARAMS | params).fit(X)
    on_gpu = AutoencoderTransformer(4, device="cuda", **PARAMS | params).fit(X)
    assert next(on_gpu.net_.module_.parameters()).is_cuda
    np.testing.assert_allclose(error(on_gpu), error(on_cpu), rtol=0.1)
    np.testing.assert_allclose(on_gpu.transform(X).std(axis=0), 1, atol=1e-3)


def test_members_that_are_trained_together():
    params = PARAMS | {"init": "random", "device": "cuda", "early_stopping": False}
    together, apart = (
        [DenoisingAutoencoder(4, **params | {"random_state": i}) for i in range(3)]
        for _ in range(2)
    )
    fit_in_lockstep(together, X)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.loss_curve_, other.fit(X).loss_curve_, rtol=1e-3)


def test_sparse_rows_weights_and_chunks():
    rows = sparse.csr_array(X)
    weight = np.arange(len(X)) % 3 + 1.0
    ae = AutoencoderTransformer(4, device="cuda", alpha=1e-4, l1_ratio=0.5, **PARAMS)
    ae.fit(rows, sample_weight=weight).partial_fit(rows[:100])
    np.testing.assert_allclose(ae.transform(rows), ae.transform(X), atol=1e-3)


def test_a_pickle_of_a_gpu_model_goes_on_where_there_is_none(tmp_path):
    ae = AutoencoderTransformer(4, device="cuda", **PARAMS).fit(X)
    model, codes = tmp_path / "model.pkl", tmp_path / "codes.npy"
    model.write_bytes(pickle.dumps(ae))
    assert next(pickle.loads(model.read_bytes()).net_.module_.parameters()).is_cuda
    program = f"""
import pickle
import numpy as np
from sklearn.datasets import load_digits
ae = pickle.load(open({str(model)!r}, "rb"))
np.save({str(codes)!r}, ae.transform(load_digits().data[:600].astype(np.float32)))
"""
    without = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, "-c", program], env=without, check=True)
    np.testing.assert_allclose(np.load(codes), ae.transform(X), atol=1e-3)


def make(**params):
    return AutoencoderTransformer(4, **{"device": "cuda"} | PARAMS | params)


WEIGHT = np.arange(len(X)) % 3 + 1.0

# -- precision -------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize("precision", ["bfloat16", "tf32"])
def test_shorter_products_reconstruct_alike(precision, normalization):
    params = {"init": "random", "normalization": normalization}
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    exact, short = make(**params).fit(X), make(precision=precision, **params).fit(X)
    assert [backend.fp32_precision for backend in backends] == before
    np.testing.assert_allclose(error(short), error(exact), rtol=0.02)
    assert {p.dtype for p in short.net_.module_.parameters()} == {torch.float32}
    pairs = zip(short.net_.module_.parameters(), exact.net_.module_.parameters(), strict=True)
    assert not all(torch.equal(one, other) for one, other in pairs)


# -- tensors ---------------------------------------------------------------------------------

ANSWERS = ("transform", "reconstruct", "score_samples")


@pytest.mark.parametrize("dispatch", [False, True])
@pytest.mark.parametrize("fitted_on", ["array", "tensor"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_tensors_on_the_gpu_come_back_where_they_came_from(device, fitted_on, dispatch):
    tensor = torch.tensor(X, device="cuda")
    before = tensor.clone()
    with config_context(array_api_dispatch=dispatch):
        ae = make(device=device).fit(
            tensor if fitted_on == "tensor" else X,
            sample_weight=torch.tensor(WEIGHT, device="cuda"),
        )
        for method in ANSWERS:
            for n_rows in (5, len(X)):
                found, expected = (
                    getattr(ae, method)(tensor[:n_rows]),
                    getattr(ae, method)(X[:n_rows]),
                )
                assert type(expected) is np.ndarray
                assert isinstance(found, torch.Tensor) is dispatch
                if dispatch:
                    assert found.is_cuda
                    assert not found.requires_grad
                    found = found.cpu().numpy()
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        codes = ae.transform(tensor)
        assert isinstance(ae.inverse_transform(codes), torch.Tensor) is dispatch
        np.testing.assert_allclose(ae.score(tensor), ae.score(X), rtol=1e-5)
        loaded = pickle.loads(pickle.dumps(ae))
        assert type(loaded.mean_) is np.ndarray
        np.testing.assert_allclose(loaded.transform(X), ae.transform(X), rtol=1e-5, atol=1e-5)
        ae.partial_fit(tensor)
    assert torch.equal(tensor, before)


# -- streams ---------------------------------------------------------------------------------


def mapped(folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize("kind", ["mapped", "sparse", "too large for the GPU"])
def test_streamed_rows_train_like_rows_that_the_gpu_holds(
    tmp_path, monkeypatch, kind, normalization, weighted
):
    weight = WEIGHT if weighted else None
    # Plain descent does not blow up the rounding of sums in another order.
    params = {"optimizer": "sgd", "normalization": normalization, "early_stopping": True}
    held = make(**params).fit(X, sample_weight=weight)
    if kind == "too large for the GPU":
        monkeypatch.setattr(_training_rows, "_has_room", lambda n_bytes, device: False)
    monkeypatch.setattr(_training_rows, "_Resident", None)
    rows = {"mapped": mapped(tmp_path), "sparse": sparse.csr_array(X)}.get(kind, X)
    streamed = make(**params).fit(rows, sample_weight=weight)
    rtol = 1e-3 if kind == "sparse" else 1e-4
    np.testing.assert_allclose(streamed.loss_curve_, held.loss_curve_, rtol=rtol)
    np.testing.assert_allclose(
        streamed.validation_loss_curve_, held.validation_loss_curve_, rtol=rtol
    )


# -- synchronisation -------------------------------------------------------------------------


class EachBatch(Callback):
    """Listen to single batches, whose losses must then be read."""

    def on_batch_end(self, net, **kwargs):
        pass


@pytest.fixture
def _synchronisations_warn():
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        # Torch warns that it does not find all of them.
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode("warn")
    yield
    torch.cuda.set_sync_debug_mode(before)


def synchronisations(batch_size, weight=None, **params):
    """How often a fit waits for the GPU."""
    # Enough to end below the column means: a fit above them also looks at its start again.
    base = {"init": "random", "early_stopping": False, "max_iter": 10, "learning_rate_init": 0.02}
    base["batch_size"] = batch_size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(**base | params).fit(X, sample_weight=weight)
    return sum("synchronizing CUDA operation" in str(w.message) for w in caught)


@pytest.mark.usefixtures("_synchronisations_warn")
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"normalization": "layer"},
        {"normalization": "layer", "max_grad_norm": 1.0, "optimizer": "rmsprop"},
        {"max_grad_norm": 1.0},
        {"alpha": 1e-3, "l1_ratio": 0.5},
        {"precision": "bfloat16"},
        {"weight": WEIGHT},
    ],
    ids=lambda params: ",".join(params) or "defaults",
)
def test_a_fit_waits_for_the_gpu_as_often_whatever_the_batches(params):
    # One fit before, as libraries set themselves up in the first one.
    synchronisations(200, **params)
    few, many = (synchronisations(size, **params) for size in (200, 20))
    assert many == few > 0


@pytest.mark.usefixtures("_synchronisations_warn")
def test_who_listens_to_batches_waits_for_each():
    few, many = (synchronisations(size, callbacks=[EachBatch()]) for size in (200, 20))
    assert many >= few + 10 * (30 - 3)


# -- modes, files and layers that differ on a GPU ---------------------------------------------

SHAPED = {"max_iter": 2, "random_state": 0}
ESTIMATORS = {
    "plain": lambda **p: AutoencoderTransformer(4, **PARAMS | p),
    "denoising": lambda **p: DenoisingAutoencoder(4, **PARAMS | p),
    "variational": lambda **p: VariationalAutoencoder(4, **PARAMS | p),
    "adversarial": lambda **p: AdversarialAutoencoder(4, **PARAMS | p),
    "top_k": lambda **p: SparseAutoencoder(8, **PARAMS | p),
    "kl": lambda **p: SparseAutoencoder(8, penalty="kl", **PARAMS | p),
    "contractive": lambda **p: ContractiveAutoencoder(4, **PARAMS | p),
    "nested": lambda **p: NestedAutoencoder(4, **PARAMS | p),
    "convolutional": lambda **p: ConvolutionalAutoencoder(4, **SHAPED | p),
    "gru": lambda **p: AutoencoderTransformer(4, network=SequenceNetwork(kind="gru"), **SHAPED | p),
    "contractive_gru": lambda **p: ContractiveAutoencoder(
        4, network=SequenceNetwork(kind="gru"), **SHAPED | p
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_was_fitted_on_the_gpu_goes_on_without_one(name, tmp_path):
    ae = ESTIMATORS[name](device="cuda").fit(X)
    codes = ae.transform(X)
    skae.save(ae, tmp_path / "model.skae")
    state = pickle.dumps(ae)
    for copied in (skae.load(tmp_path / "model.skae", device="cpu"), pickle.loads(state)):
        np.testing.assert_allclose(copied.transform(X), codes, atol=1e-3)
    loaded = skae.load(tmp_path / "model.skae", device="cpu").set_params(device="cpu")
    assert np.isfinite(loaded.partial_fit(X).transform(X)).all()
    # And the other way.
    skae.save(ESTIMATORS[name]().fit(X), tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae", device="cuda").set_params(device="cuda")
    assert np.isfinite(loaded.partial_fit(X).transform(X)).all()


def modes():
    stack = ExitStack()
    stack.enter_context(torch.autocast("cuda", torch.float16))
    stack.enter_context(torch.device("cuda"))
    stack.enter_context(torch.no_grad())
    return stack


@pytest.mark.parametrize("precision", ["high", "highest"])
@pytest.mark.parametrize("name", ["plain", "variational", "convolutional", "contractive_gru"])
def test_modes_change_nothing_on_a_gpu(name, precision):
    plain = ESTIMATORS[name](device="cuda", max_iter=1).fit(X)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with modes():
            ae = ESTIMATORS[name](device="cuda", max_iter=1).fit(X)
            codes = ae.transform(X)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    # Sums of a GPU may come in another order.
    np.testing.assert_allclose(ae.loss_, plain.loss_, rtol=1e-3)
    np.testing.assert_allclose(codes, plain.transform(X), atol=0.02)


def test_convolutions_keep_all_bits_of_float32(tmp_path):
    ae = ESTIMATORS["convolutional"]().fit(X)
    skae.save(ae, tmp_path / "model.skae")
    on_gpu = skae.load(tmp_path / "model.skae", device="cuda")
    np.testing.assert_allclose(on_gpu.transform(X), ae.transform(X), atol=1e-5)


def test_the_sensitivity_of_a_recurrent_encoder(tmp_path):
    ae = ESTIMATORS["contractive_gru"](max_iter=1).fit(X)
    skae.save(ae, tmp_path / "model.skae")
    on_gpu = skae.load(tmp_path / "model.skae", device="cuda")
    found, expected = on_gpu.jacobian_norm(X[:20]), ae.jacobian_norm(X[:20])
    np.testing.assert_allclose(found, expected, rtol=1e-3)
