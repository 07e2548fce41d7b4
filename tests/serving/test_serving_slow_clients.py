"""Serving: a client that is slow or idle holds neither a connection nor a stop for long."""

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np
from serving_cases import infer, metrics, process, tensor, wait_for
from slow_models import SlowModel

# As the test waits for what these limit, and longer than a busy machine pauses.
SHORT = [
    ("_slow_connections", "_HEAD", 2),
    ("_slow_connections", "_ANSWER", 2),
    ("_bodies", "_SECONDS", 2),
]

HEAD = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: m\r\n"
BEGINNINGS = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n{",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
}


@contextmanager
def begun(port):
    """Connections on which the server waits for the rest of what was begun, by name."""
    with ExitStack() as stack:
        sockets = {}
        for name, beginning in BEGINNINGS.items():
            sockets[name] = socket.create_connection(("127.0.0.1", port), timeout=60)
            stack.enter_context(sockets[name])
            sockets[name].sendall(beginning)
        yield sockets


def rest_of(sock):
    """Whatever the server still sends until it ends a connection."""
    parts = iter(lambda: sock.recv(2**16), b"")
    return b"".join(parts)


@contextmanager
def reader(port):
    """A client that asks for a long answer and does not take it."""
    rows = np.zeros((10_000, 5))
    body = json.dumps({"inputs": [tensor(rows)], "outputs": [{"name": "codes"}]}).encode()
    n_before = metrics(port).get(("skae_answers_total", "200"), 0)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", port))
        sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_for(port, ("skae_answers_total", "200"), n_before + 1)
        yield sock


def statuses(sockets):
    """The status line that each connection got before it ended."""
    return {name: rest_of(sock)[9:12].decode() for name, sock in sockets.items()}


def test_slow_clients_are_closed_and_others_served():
    with (
        process(SlowModel(), SHORT) as (server, port),
        ThreadPoolExecutor(1) as pool,
        reader(port) as sock,
    ):
        # The model takes longer than a client may.
        answer = pool.submit(infer, port, tensor(np.full((1, 5), 3.0)))
        with begun(port) as sockets:
            found = statuses(sockets)
        assert any("its answer was not taken" in line for line in server.stderr)
        head, _, body = rest_of(sock).partition(b"\r\n\r\n")
        assert answer.result()[0] == 200
    assert found == {
        "nothing": "",
        "half a head": "",
        "half a body": "408",
        "half a chunk": "408",
    }
    assert head.startswith(b"HTTP/1.1 200")
    assert 0 < len(body) < 10_000 * 5 * 40 * len("0.0,")


def test_a_stop_waits_for_no_slow_client():
    # Bodies that never end: there is nothing to wait for.
    limits = [("_graceful_stop", "_LAST_BODIES", 0.8)]
    with process(SlowModel(), limits) as (server, port), reader(port), begun(port) as sockets:
        # Who connects later is accepted later.
        metrics(port)
        server.send_signal(signal.SIGTERM)
        found = statuses(sockets)
        log = server.stderr.read()
        assert server.wait() == 0
    assert found == {
        "nothing": "",
        "half a head": "",
        "half a body": "503",
        "half a chunk": "503",
    }
    assert "Traceback" not in log
    assert "exceeded" not in log
    assert "Answered 1 of 1 accepted requests" in log


def test_a_stop_waits_for_accepted_work_only():
    # Longer than a stop waits for bodies and answers.
    limits = [("_graceful_stop", name, 0.1) for name in ("_LAST_BODIES", "_LAST_ANSWERS")]
    with process(SlowModel(), limits) as (server, port), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(infer, port, tensor(np.full((1, 5), 1.0)), outputs=[{"name": "score"}])
        wait_for(port, ("skae_accepted_requests_total",), 1)
        server.send_signal(signal.SIGTERM)
        status, headers, _ = answer.result()
        log = server.stderr.read()
        assert server.wait() == 0
    assert (status, headers["Connection"]) == (200, "close")
    assert "Answered 1 of 1 accepted requests" in log


def test_a_second_interrupt_gives_up_what_is_not_computed(tmp_path):
    file = tmp_path / "go"
    with process(SlowModel(file)) as (server, port), ThreadPoolExecutor(2) as pool:
        rows = tensor(np.full((1, 5), -1.0))
        answers = [pool.submit(infer, port, rows, outputs=[{"name": "score"}]) for _ in range(2)]
        wait_for(port, ("skae_accepted_requests_total",), 2)
        server.send_signal(signal.SIGINT)
        assert any("Waiting for connections to close" in line for line in server.stderr)
        server.send_signal(signal.SIGINT)
        assert [answer.result()[0] for answer in answers] == [503, 503]
        file.touch()
        log = server.stderr.read()
        assert server.wait() == 0
    assert "Traceback" not in log
