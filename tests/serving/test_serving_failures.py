"""Serving: models that fail, stall or are given up, and what is counted of that."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving_cases import ROWS, infer, metrics, running, tensor, wait_for
from sklearn.base import BaseEstimator

from skae.serving import make_app

BODY = b'{"inputs": [{"name": "input", "datatype": "FP64", "shape": [1, 5], "data": [0,0,0,0,1]}]}'


class Model(BaseEstimator):
    """Waits until it is open, counts its runs, and fails on rows that begin with 1."""

    n_features_in_ = 5

    def __init__(self, error=None):
        self.error = error
        self.open = threading.Event()
        self.open.set()
        self.n_runs = 0

    def score_samples(self, X):
        assert self.open.wait(60)
        self.n_runs += 1
        if self.error is not None and (X[:, 0] == 1).any():
            raise self.error("secret")
        return X.sum(axis=1)


async def body():
    return BODY


def test_what_is_given_up_does_not_count_as_answered():
    model = Model()
    service = make_app(model).state.service

    async def give_up():
        model.open.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.infer(body(), None), 0.05)
        model.open.set()
        await service.infer(body(), None)

    asyncio.run(give_up())
    assert (service.metrics.n_accepted, service.metrics.n_answered) == (2, 1)


def test_a_loop_that_ends_in_the_middle_does_not_stop_the_next():
    model = Model()
    service = make_app(model).state.service

    async def leave():
        model.open.clear()
        requests = [asyncio.ensure_future(service.infer(body(), None)) for _ in range(2)]
        await asyncio.wait(requests, timeout=0.05)

    async def ask():
        return await asyncio.wait_for(service.infer(body(), None), 30)

    asyncio.run(leave())
    model.open.set()
    assert b'"data":[1.0]' in asyncio.run(ask())[0]


@pytest.mark.parametrize("error", [SystemExit, BaseException, RuntimeError])
def test_a_model_that_fails_is_asked_again(error, caplog):
    with running(Model(error)) as port:
        status, _, answer = infer(port, tensor(np.ones((1, 5))))
        assert infer(port, tensor(ROWS))[0] == 200
    assert (status, answer) == (500, {"error": "The model failed; the log of the server says why."})
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("error", "statuses", "n_runs"),
    # Halves of 32: two runs at each of five levels, after the whole and the one that waited.
    [(ValueError, [200] * 31 + [400], 12), (RuntimeError, [500] * 32, 2)],
)
def test_one_bad_row_costs_few_runs(error, statuses, n_runs, caplog):
    rows = np.zeros((32, 1, 5))
    rows[11, 0, 0] = 1
    model = Model(error)
    with running(model) as port, ThreadPoolExecutor(33) as pool:
        model.n_runs = 0
        model.open.clear()
        first = pool.submit(infer, port, tensor(ROWS[:1]))
        wait_for(port, ("skae_accepted_requests_total",), 1)
        wait_for(port, ("skae_waiting_rows",), 0)
        others = [pool.submit(infer, port, tensor(row)) for row in rows]
        wait_for(port, ("skae_waiting_rows",), 32)
        model.open.set()
        assert first.result()[0] == 200
        assert sorted(other.result()[0] for other in others) == statuses
        assert metrics(port)["skae_batch_rows_count",] == 2
    assert model.n_runs == n_runs
    assert caplog.text.count("Traceback") == (error is RuntimeError)
