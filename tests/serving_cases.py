"""Servers in threads and in processes, small models, and requests that tests of serving share."""

import asyncio
import http.client
import json
import re
import threading
import time
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import uvicorn
from process_cases import Process
from prometheus_client.parser import text_string_to_metric_families

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.serving import make_app, serve

ROWS = np.random.default_rng(0).normal(size=(60, 5))
FEW = {"hidden_layer_sizes": (7,), "max_iter": 3, "random_state": 0}
DTYPES = {"FP32": "f4", "FP64": "f8", "INT64": "i8", "INT32": "i4", "BOOL": bool, "BYTES": str}


def fit_autoencoder():
    return AutoencoderTransformer(2, **FEW).fit(ROWS)


def fit_detector():
    members = AutoencoderTransformer(2, **FEW)
    return AutoencoderOutlierDetector(members, n_estimators=2, random_state=0).fit(ROWS)


@contextmanager
def running(model, **params):
    """Serve a model on a free port; yields the port."""
    with running_app(make_app(model, name="m", **params)) as port:
        yield port


class PromptServer(uvicorn.Server):
    """A server that ends at once; uvicorn's own waits two tenths of a second for nothing.

    How the server of the package ends is tested on processes.
    """

    async def main_loop(self):
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets=None):
        for server in self.servers:
            server.close()
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        while connections:
            await asyncio.sleep(0.005)


@contextmanager
def running_app(app):
    """Run an ASGI application on a free port; yields the port."""
    server = PromptServer(uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def process(model, limits=(), **params):
    """Serve a model in a process of its own, on a free port; yields the process and the port.

    `limits` are values for private names of serving, as ("_bodies", "_SECONDS", 3). What the
    process logs before it listens is in `server.log`.
    """
    with Process(_serve, model, limits, {"port": 0} | params) as server:
        server.log = log_until(server, "running on")
        yield server, int(re.search(r"http://127\.0\.0\.1:(\d+)", server.log[-1])[1])


def log_until(server, text):
    """Return the lines of a log up to the one that has a text."""
    lines = []
    for line in server.stderr:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"no {text!r} in {lines}")


def _serve(model, limits, params):
    for module, name, value in limits:
        setattr(import_module(f"skae.serving.{module}"), name, value)
    serve(model, name="m", **params)


def ask(port, method, path, body=None, headers=None):
    """Send one request; return the status, the headers and the body, parsed if it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    is_json = response.headers.get_content_type() == "application/json"
    return response.status, response.headers, json.loads(content) if is_json else content


def tensor(rows=ROWS[:1], **changes):
    """The input of a request, in JSON."""
    data = np.asarray(rows).ravel().tolist()
    return {"name": "input", "datatype": "FP64", "shape": list(rows.shape), "data": data} | changes


def infer(port, *tensors, **fields):
    """Ask for inference in JSON."""
    body = json.dumps({"inputs": list(tensors)} | fields)
    return ask(port, "POST", "/v2/models/m/infer", body)


def data_of(answer):
    """The outputs of an answer in JSON, by name, in their types and shapes."""
    return {
        output["name"]: np.asarray(output["data"], DTYPES[output["datatype"]]).reshape(
            output["shape"]
        )
        for output in answer["outputs"]
    }


def metrics(port):
    """Return what /metrics says, by name and labels other than the model's."""
    status, _, text = ask(port, "GET", "/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if key != "model"}
            found[(sample.name, *labels.values())] = sample.value
    return found


def wait_for(port, name, value):
    """Wait until a metric has a value."""
    deadline = time.monotonic() + 60
    while metrics(port).get(name) != value:
        assert time.monotonic() < deadline, metrics(port)
        time.sleep(0.01)
