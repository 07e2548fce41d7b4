"""Inference chunk by chunk: the way of a GPU gives the answers of that of a CPU."""

import numpy as np
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from skae import AutoencoderTransformer
from skae.engine import _inference
from skae.engine._inference import ChunkedForward
from skae.tables import ScaledRows

X = load_iris().data
AE = AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=2, random_state=0).fit(X)


def test_chunks_of_a_gpu_give_the_answers_of_a_cpu(monkeypatch):
    """Its control flow, on the CPU; a chunk is read before the answer to the last is copied."""
    events = []

    class Rows(ScaledRows):
        def __getitem__(self, selection):
            events.append(("read", selection.start))
            return super().__getitem__(selection)

    monkeypatch.setattr(_inference, "rows_in_chunk", lambda width, device: 40)
    rows = Rows(X, AE.mean_, AE.scale_)
    codes = torch.full((len(X), 2), torch.nan)
    encode = AE.net_.module_.encode
    for selection, x, found in ChunkedForward(AE.net_.module_)._large_chunks(encode, rows):
        events.append(("copy", selection.start))
        assert_allclose(x, (X[selection] - AE.mean_) / AE.scale_)
        codes[selection] = found
    assert_allclose(codes, AE.transform(X), rtol=1e-5, atol=1e-5)
    order = [0, 40, "copy 0", 80, "copy 40", 120, "copy 80", "copy 120"]
    assert [start if what == "read" else f"{what} {start}" for what, start in events] == order


def test_no_rows_have_no_chunks():
    forward = ChunkedForward(AE.net_.module_)
    assert [*forward._large_chunks(AE.net_.module_.encode, ScaledRows(np.empty((0, 4))))] == []
