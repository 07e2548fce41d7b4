"""Serving: a model file that is replaced while a server answers from it."""

import asyncio
import json
import os
import shutil
import threading
import time
from multiprocessing import get_context

import numpy as np
import pytest
from serving_cases import (
    FEW,
    ROWS,
    data_of,
    infer,
    log_until,
    metrics,
    process,
    tensor,
    wait_for,
)
from sklearn.base import BaseEstimator

import skae
from skae import AutoencoderTransformer
from skae.serving import make_app
from skae.serving._estimator_model import EstimatorModel
from skae.serving._watched_file import WatchedFile

LIMITS = (
    ("_watched_file", "_INTERVAL", 0.05),
    ("_workers", "_CONTEXT", get_context("fork")),
)
WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models that answer differently, their files and the SHA-256 of those."""
    folder = tmp_path_factory.mktemp("models")
    found = []
    for seed in range(2):
        model = AutoencoderTransformer(2, **FEW | {"random_state": seed}).fit(ROWS)
        path = folder / f"{seed}.skae"
        found.append((model, path, skae.save(model, path)))
    return found


def replace(path, by):
    """Replace a file at once, as `save` does."""
    os.replace(shutil.copy(by, path.with_name("other")), path)


@WORKERS
def test_a_replaced_file_answers_and_nobody_is_refused(tmp_path, models, workers):
    (old, old_file, old_digest), (new, new_file, new_digest) = models
    path = shutil.copy(old_file, tmp_path / "m.skae")
    expected = [model.transform(ROWS) for model in (old, new)]
    assert not np.array_equal(*expected)
    seen, ended = [], threading.Event()

    def ask_all_the_time(port):
        while not ended.is_set():
            # A refused connection is raised here, and found as a request too few below.
            status, _, answer = infer(port, tensor(ROWS), outputs=[{"name": "codes"}])
            codes = data_of(answer)["codes"]
            seen.append((status, *(np.array_equal(codes, one) for one in expected)))

    with process(path, LIMITS, workers=workers) as (server, port):
        wait_for(port, ("skae_workers", old_digest), workers)
        client = threading.Thread(target=ask_all_the_time, args=(port,))
        client.start()
        try:
            replace(path, new_file)
            wait_for(port, ("skae_workers", new_digest), workers)
            n_seen = len(seen)
            while len(seen) < n_seen + 3 and client.is_alive():
                time.sleep(0.01)
        finally:
            ended.set()
            client.join()
        found = metrics(port)
        log = log_until(server, f"m.skae was replaced; SHA-256 {new_digest} answers")
    # Each answer is that of one of the two models, and the last are those of the new one.
    assert set(seen) == {(200, True, False), (200, False, True)}
    assert seen[-1] == (200, False, True)
    assert found["skae_answers_total", "200"] == len(seen)
    assert found["skae_workers", old_digest] == 0
    assert (found["skae_reloads_total",], found["skae_refused_reloads_total",]) == (1, 0)
    assert not any("ERROR" in line for line in log)


@WORKERS
def test_a_broken_file_is_refused_and_the_next_one_is_taken(tmp_path, models, workers):
    (old, old_file, old_digest), (new, new_file, new_digest) = models
    path = shutil.copy(old_file, tmp_path / "m.skae")
    with process(path, LIMITS, workers=workers) as (server, port):
        whole = new_file.read_bytes()
        # Written into the file itself, as a download would.
        path.write_bytes(whole[: len(whole) // 2])
        wait_for(port, ("skae_refused_reloads_total",), 1)
        line = log_until(server, "ERROR")[-1]
        assert "m.skae was replaced and is not served, the model before answers on:" in line
        assert "cannot be loaded: it is damaged" in line
        assert metrics(port)["skae_workers", old_digest] == workers
        data = data_of(infer(port, tensor(ROWS))[2])
        np.testing.assert_array_equal(data["codes"], old.transform(ROWS))
        path.write_bytes(whole)
        wait_for(port, ("skae_workers", new_digest), workers)
        data = data_of(infer(port, tensor(ROWS))[2])
        np.testing.assert_array_equal(data["codes"], new.transform(ROWS))


def test_a_file_that_is_gone_changes_nothing(tmp_path, models):
    (_, old_file, _), (_, new_file, new_digest) = models
    path = shutil.copy(old_file, tmp_path / "m.skae")
    file = WatchedFile(path, ())
    path.unlink()
    assert [file._is_replaced() for _ in range(3)] == [False] * 3
    replace(path, new_file)
    # It is loaded when it was the same at two looks, and once.
    assert [file._is_replaced() for _ in range(4)] == [False, True, False, False]
    assert file.load()[1] == new_digest


def test_a_file_that_is_replaced_while_it_is_read(tmp_path, models, monkeypatch):
    path = shutil.copy(models[0][1], tmp_path / "m.skae")
    file = WatchedFile(path, ())

    def load_and_replace(*arguments):
        replace(path, models[1][1])

    monkeypatch.setattr("skae.serving._watched_file.load_model", load_and_replace)
    with pytest.raises(ValueError, match=r"m\.skae' was replaced while it was read"):
        file.load()


def test_another_width_of_rows_is_taken(tmp_path, models):
    path = shutil.copy(models[0][1], tmp_path / "m.skae")
    wide = np.random.default_rng(0).normal(size=(30, 6))
    with process(path, LIMITS) as (_, port):
        assert infer(port, tensor(ROWS))[0] == 200
        skae.save(AutoencoderTransformer(2, **FEW).fit(wide), path)
        wait_for(port, ("skae_reloads_total",), 1)
        assert infer(port, tensor(wide))[0] == 200
        status, _, answer = infer(port, tensor(ROWS))
    assert status == 400
    assert "[n, 6]" in answer["error"]


def test_an_accepted_request_is_answered_by_the_model_that_accepted_it():
    """Also where another model takes its place before the rows are computed."""

    class Model(BaseEstimator):
        n_features_in_ = 5

        def __init__(self, answer):
            self.answer = answer

        def score_samples(self, X):
            return np.full(len(X), self.answer)

    service = make_app(Model(1.0)).state.service
    body = json.dumps({"inputs": [tensor(ROWS[:1])]}).encode()

    async def content():
        return body

    async def ask_and_replace():
        first = asyncio.ensure_future(service.infer(content(), None))
        while not service.batcher.busy:
            await asyncio.sleep(0)
        service.take(EstimatorModel(Model(2.0)), "")
        return [await first, await service.infer(content(), None)]

    answers = [json.loads(answer) for answer, _ in asyncio.run(ask_and_replace())]
    assert [answer["outputs"][0]["data"] for answer in answers] == [[1.0], [2.0]]
