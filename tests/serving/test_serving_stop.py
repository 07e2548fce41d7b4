"""Serving: a process that is told to stop answers whatever it accepted, and ends well."""

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import numpy as np
import pytest
from serving_cases import ROWS, process, tensor

# Slow enough that rows wait when the signal comes.
SCRIPT = """
import time
import numpy as np
from skae import AutoencoderTransformer
from skae.serving import serve

class Slow(AutoencoderTransformer):
    def score_samples(self, X):
        time.sleep(0.01)
        return super().score_samples(X)

X = np.random.default_rng(0).normal(size=(60, 5))
model = Slow(2, hidden_layer_sizes=(7,), max_iter=3, random_state=0).fit(X)
print(model.score_samples(X).tolist(), flush=True)
serve(model, name="m", port=0, max_batch=4)
"""
N_CLIENTS = 16


@contextmanager
def slow_process():
    """Start a server; yields the process, its port and the scores of ROWS."""
    with process(SCRIPT) as (server, port):
        yield server, port, np.array(json.loads(server.stdout.readline()))


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
            if len(self.scores) == 20:
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


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_every_accepted_request_gets_its_answer(sig):
    """And a server that stops says so on connections that are open."""
    with slow_process() as (server, port, scores):
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
        assert server.wait(timeout=60) == 0
        log = server.stderr.read()
    for score, got in zip(scores, answers, strict=False):
        assert set(got) == {score}
    total = sum(map(len, answers))
    assert f"Answered {total} of {total} accepted requests" in log
    assert "Traceback" not in log


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-c", SCRIPT.replace("port=0", f"port={port}")]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 3
    assert "address already in use" in second.stderr
