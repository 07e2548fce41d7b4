"""The same on a GPU, where there is one."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer

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
