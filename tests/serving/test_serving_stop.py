"""Serving: a process that is told to stop answers whatever it accepted, and ends well."""

import http.client
import json
import re
import select
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from process_cases import Process
from serving_cases import FEW, ROWS, process, tensor
from slow_models import SlowAutoencoder

from skae.serving import serve

N_CLIENTS = 16


class Client:
    """Sends one row after the other over connections that stay open, until it is refused."""

    def __init__(self, port, i):
        body = {"inputs": [tensor(ROWS[i : i + 1])], "outputs": [{"name": "score"}]}
        self.body = json.dumps(body)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.scores = []

    def run(self, enough):
        while not self.is_closed():
            try:
                self.connection.request("POST", "/v2/models/m/infer", self.body)
            except ConnectionRefusedError:
                break
            response = self.connection.getresponse()
            answer = json.loads(response.read())
            assert response.status == 200, answer
            self.scores.append(answer["outputs"][0]["data"][0])
            if len(self.scores) == 6:
                enough.release()
        return self.scores

    def is_closed(self):
        """Whether the server ended the connection before a request was sent, as it may."""
        sock = self.connection.sock
        return sock is not None and bool(select.select([sock], [], [], 0)[0])


def ask_until_not_ready(port, asked):
    """Ask over one open connection whether the server is ready; return the statuses."""
    seen = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while 503 not in seen:
            connection.request("GET", "/v2/health/ready")
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert answer["ready"] == (response.status == 200)
            seen.append(response.status)
            asked.set()
    return seen


@pytest.mark.parametrize(
    ("sig", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGTERM, 2)]
)
def test_every_accepted_request_gets_its_answer(sig, workers):
    """And a server that stops says so on connections that are open."""
    model = SlowAutoencoder(2, **FEW).fit(ROWS)
    limits = (("_workers", "_CONTEXT", get_context("fork")),)
    with process(model, limits, max_batch=4, workers=workers) as (server, port):
        clients = [Client(port, i) for i in range(N_CLIENTS)]
        enough, asked = threading.Semaphore(0), threading.Event()
        with ThreadPoolExecutor(N_CLIENTS + 1) as pool:
            running = [pool.submit(client.run, enough) for client in clients]
            for _ in clients:
                assert enough.acquire(timeout=60)
            statuses = pool.submit(ask_until_not_ready, port, asked)
            assert asked.wait(60)
            server.send_signal(sig)
            # Anything but a refused connection is raised here: a request that was lost.
            answers = [future.result() for future in running]
            assert statuses.result()[0] == 200
        assert server.wait() == 0
        log = server.stderr.read()
    for score, got in zip(model.score_samples(ROWS), answers, strict=False):
        assert set(got) == {score}
    total = sum(map(len, answers))
    counts = np.array(re.findall(r"Answered (\d+) of (\d+) accepted requests", log), dtype=int)
    assert len(counts) == workers
    assert [*counts.sum(axis=0)] == [total, total]
    assert "Traceback" not in log


def test_a_port_that_is_taken(autoencoder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Process(partial(serve, port=port), autoencoder) as second:
            assert second.wait() == 3
            assert "address already in use" in second.stderr.read()
