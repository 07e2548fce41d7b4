"""Serving: several processes at one port, with one page of metrics."""

import json
import os
import re
import signal
import socket
import tempfile
import time
from contextlib import closing
from multiprocessing import get_context

import numpy as np
import pytest
from process_cases import Process
from serving_cases import (
    ROWS,
    ask,
    data_of,
    infer,
    log_until,
    metrics,
    process,
    tensor,
    wait_for,
)
from slow_models import ModelOfOneProcess, SlowModel

import skae
from skae.cli import main
from skae.serving import _workers, serve

N_WORKERS = 2

# Workers that are forks of the server need no time for imports. The page of documentation about
# production starts a server as users do.
FORKS = (("_workers", "_CONTEXT", get_context("fork")),)


def serve_forks(model, port=0, temporary=None):
    tempfile.tempdir = temporary
    _workers._CONTEXT = get_context("fork")
    serve(model, port=port, workers=N_WORKERS)


def test_workers_answer_together_and_one_that_dies_is_replaced(autoencoder):
    with process(autoencoder, FORKS, workers=N_WORKERS) as (server, port):
        for _ in range(20):
            # A connection of its own, which any worker may take.
            data = data_of(infer(port, tensor(ROWS))[2])
            np.testing.assert_array_equal(data["codes"], autoencoder.transform(ROWS))
        pages = [metrics(port) for _ in range(10)]
        assert {page["skae_answers_total", "200"] for page in pages} == {20}
        assert {page["skae_accepted_rows_total",] for page in pages} == {20 * len(ROWS)}
        assert {page["skae_workers", ""] for page in pages} == {N_WORKERS}

        numbers = re.findall(r"Started server process \[(\d+)\]", "".join(server.log))
        assert len(set(numbers)) == N_WORKERS
        os.kill(int(numbers[0]), signal.SIGKILL)
        log = "".join(log_until(server, "Started server process"))
        assert f"The worker {numbers[0]} ended with the status -9; another takes its" in log
        # What the dead worker has counted is not lost, but it is no worker any more.
        wait_for(port, ("skae_workers", ""), N_WORKERS)
        assert metrics(port)["skae_answers_total", "200"] == 20

        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert server.stderr.read().count("accepted requests") == N_WORKERS


def is_answered(port):
    try:
        return ask(port, "GET", "/v2/health/live")[0] == 200
    except OSError:
        return False


def test_workers_end_with_the_process_that_looks_after_them(tmp_path, autoencoder):
    """And the last of them tidies up."""
    with Process(serve_forks, autoencoder, 0, str(tmp_path)) as server:
        line = log_until(server, "running on")[-1]
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", line)[1])
        assert is_answered(port)
        assert [*tmp_path.glob("skae-*/*.db")]
        server.kill()
        deadline = time.monotonic() + 60
        while is_answered(port) or [*tmp_path.iterdir()]:
            assert time.monotonic() < deadline


def test_a_second_interrupt_gives_up_what_is_computed(tmp_path):
    model = SlowModel(str(tmp_path / "never"))
    body = json.dumps({"inputs": [tensor(np.eye(1, 5) * -1)], "outputs": [{"name": "score"}]})
    request = f"POST /v2/models/m/infer HTTP/1.1\r\nHost: m\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        process(model, FORKS, workers=N_WORKERS) as (server, port),
        closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection,
    ):
        connection.sendall((request + body).encode())
        wait_for(port, ("skae_accepted_rows_total",), 1)
        server.send_signal(signal.SIGINT)
        log_until(server, "Shutting down")
        server.send_signal(signal.SIGINT)
        answer = connection.makefile().read()
        (tmp_path / "never").touch()
        assert server.wait() == 0
    assert "503" in answer.splitlines()[0]
    assert "told to stop at once" in answer


def test_a_port_that_is_taken(autoencoder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Process(serve_forks, autoencoder, port) as second:
            assert second.wait() == 3
            assert "Address already in use" in second.stderr.read()


def test_a_worker_that_does_not_start_ends_the_server(tmp_path):
    model = ModelOfOneProcess(str(tmp_path / "number"))
    with Process(serve_forks, model) as server:
        assert server.wait() == 1
        log = server.stderr.read()
    assert "TypeError: ModelOfOneProcess cannot be served" in log
    assert re.search(r"RuntimeError: A worker did not start: its process \d+ has ended", log)


@pytest.mark.parametrize("workers", ["0", "-2"])
def test_a_number_of_workers_that_is_none(tmp_path, autoencoder, workers):
    skae.save(autoencoder, tmp_path / "m.skae")
    with pytest.raises(SystemExit, match=r"'--workers'.*must be an int in the range \[1, inf\)"):
        main(["serve", str(tmp_path / "m.skae"), "--workers", workers])


def test_a_damaged_file_starts_no_worker(tmp_path):
    (tmp_path / "m.skae").write_bytes(b"nothing")
    with Process(serve_forks, tmp_path / "m.skae") as server:
        assert server.wait() == 1
        log = server.stderr.read()
    assert re.search(r"ModelFileError: .*m\.skae' cannot be loaded", log)
    assert "server process" not in log
