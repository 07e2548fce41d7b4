"""Serving: bodies that come slowly, or many at once, hold neither memory nor connections."""

import http.client
import json
import select
from contextlib import closing

from serving_cases import infer, running, tensor, wait_for

from skae.serving import _bodies

LIMIT = 20_000


def begin(port, body):
    """Send the begin of a body that is as long as the limit."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/v2/models/m/infer")
    connection.putheader("Content-Length", str(LIMIT))
    connection.endheaders(body)
    return connection


def test_bodies_that_never_end_are_limited_together(autoencoder, monkeypatch):
    monkeypatch.setattr(_bodies, "_N_LARGEST", 2)
    body = json.dumps({"inputs": [tensor()]}).ljust(LIMIT).encode()
    with running(autoencoder, max_body=LIMIT) as port:
        connections = {one.sock: one for one in [begin(port, body[:-10]) for _ in range(3)]}
        # One is refused, whichever that is.
        (refused,) = select.select(connections, [], [], 30)[0]
        connection = connections.pop(refused)
        response = connection.getresponse()
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert response.headers["Connection"] == "close"
        assert "Too many bodies" in json.loads(response.read())["error"]
        connection.close()
        # The others are waited for, and what they held is free again.
        answered, left = connections.values()
        answered.send(body[-10:])
        assert answered.getresponse().status == 200
        answered.close()
        left.close()
        wait_for(port, ("skae_answers_total", "499"), 1)
        for _ in range(5):
            with closing(begin(port, body)) as connection:
                assert connection.getresponse().status == 200


def test_a_body_that_takes_too_long_is_refused(autoencoder, monkeypatch):
    monkeypatch.setattr(_bodies, "_SECONDS", 0.2)
    with running(autoencoder, max_body=LIMIT) as port:
        with closing(begin(port, b"{")) as connection:
            response = connection.getresponse()
            assert (response.status, response.headers["Connection"]) == (408, "close")
            assert "longer than 0.2 seconds" in json.loads(response.read())["error"]
        assert infer(port, tensor())[0] == 200
