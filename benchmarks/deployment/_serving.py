"""Requests a second of ``skae.serving`` beside FastAPI services around the same model.

Those take pydantic's ``list[float]``; one computes in FastAPI's threads (``def``), one in its event
loop (``async def``), where health checks wait. All run in a process of their own under uvicorn,
with the same loop and the same HTTP parser. Two further processes hold eight clients each; a client
sends one row a request over a connection that it keeps, and waits for the answer. All rows are
float64 numbers with all their digits. Clients write requests made beforehand to plain sockets, so
that little else than the servers is measured.
"""

import itertools
import json
import multiprocessing
import signal
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from functools import wraps

import numpy as np
import pandas as pd

from skae.serving import serve

from ._model import N_FEATURES

N_PROCESSES, N_CLIENTS = 2, 8
ROUNDS, SECONDS = 5, 5.0
# Different bodies that each client sends in turn.
N_BODIES = 20

FASTAPI, FASTAPI_ASYNC = "FastAPI, def", "FastAPI, async def"


def serving(model):
    """Measure requests a second and their latency, in interleaved rounds.

    Parameters
    ----------
    model : AutoencoderTransformer
        What is served: a fitted model of 784 features.

    Returns
    -------
    table : DataFrame
        Medians over the rounds; the ratio, to the better of the two FastAPI services of a round,
        is the median of the rounds' ratios.
    """
    spawn = multiprocessing.get_context("spawn")
    services = {
        "skae, binary": (_serve_skae, _binary_request),
        "skae, JSON": (_serve_skae, _json_request),
        FASTAPI: (_serve_fastapi, _fastapi_request),
        FASTAPI_ASYNC: (_serve_fastapi_async, _fastapi_request),
    }
    measured = {name: [] for name in services}
    with ExitStack() as stack:
        ports = {
            service: stack.enter_context(_running(spawn, service, model))
            for service in (_serve_skae, _serve_fastapi, _serve_fastapi_async)
        }
        together = spawn.Barrier(N_PROCESSES)
        pool = stack.enter_context(spawn.Pool(N_PROCESSES, _remember, (together,)))
        # One round more than is counted: the first one warms caches and allocators.
        for _ in range(ROUNDS + 1):
            for name, (service, request_of) in services.items():
                tasks = [(ports[service], request_of, seed) for seed in range(N_PROCESSES)]
                measured[name].append(np.concatenate(pool.starmap(_clients, tasks, 1)))
    return _table({name: rounds[1:] for name, rounds in measured.items()})


def _table(measured):
    per_second = {
        name: np.array([len(times) / SECONDS for times in rounds])
        for name, rounds in measured.items()
    }
    rival = np.maximum(per_second[FASTAPI], per_second[FASTAPI_ASYNC])
    rows = []
    for name, rounds in measured.items():
        p50, p99 = 1000 * np.median([np.percentile(times, [50, 99]) for times in rounds], axis=0)
        ratio = np.median(per_second[name] / rival)
        rows.append((name, np.median(per_second[name]), ratio, p50, p99))
    columns = ["784 features, 16 clients", "requests / s", "/ better FastAPI", "p50 ms", "p99 ms"]
    return pd.DataFrame(rows, columns=columns)


# -- services ---------------------------------------------------------------------------


def _serve_skae(model, port):
    serve(model, name="model", port=port)


def _serve_fastapi(model, port):
    _run_fastapi(model, port, lambda score: score)


def _serve_fastapi_async(model, port):
    _run_fastapi(model, port, _as_coroutine)


def _as_coroutine(score):
    """Return the endpoint that runs in the event loop, instead of in one of many threads."""

    @wraps(score)
    async def endpoint(row):
        return score(row)

    return endpoint


def _run_fastapi(model, port, endpoint_of):
    import torch
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Row(BaseModel):
        values: list[float]

    torch.set_num_threads(1)
    app = FastAPI()

    def score(row: Row) -> float:
        return float(model.score_samples(np.array([row.values]))[0])

    app.post("/score")(endpoint_of(score))
    # Uvicorn raises the signal that stopped it again, and the process would not end by itself.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


@contextmanager
def _running(spawn, service, model):
    """Run a service in a process of its own; yields its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    process = spawn.Process(target=service, args=(model, port))
    process.start()
    try:
        while process.is_alive():
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                break
        yield port
    finally:
        process.terminate()
        process.join()


# -- clients ----------------------------------------------------------------------------


def _json_request(row):
    tensor = _tensor(row) | {"data": row.tolist()}
    return _post("/v2/models/model/infer", json.dumps(_request(tensor)).encode())


def _binary_request(row):
    tensor = _tensor(row) | {"parameters": {"binary_data_size": row.nbytes}}
    head = json.dumps(_request(tensor)).encode()
    length = f"Inference-Header-Content-Length: {len(head)}\r\n"
    return _post("/v2/models/model/infer", head + row.tobytes(), length)


def _fastapi_request(row):
    body = json.dumps({"values": row.tolist()}).encode()
    return _post("/score", body, "Content-Type: application/json\r\n")


def _tensor(row):
    return {"name": "input", "datatype": "FP64", "shape": [1, len(row)]}


def _request(tensor):
    return {"inputs": [tensor], "outputs": [{"name": "score"}]}


def _post(path, body, headers=""):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


def _remember(together):
    """Keep what lets the processes of the clients start at the same time."""
    global _together
    _together = together


def _clients(port, request_of, seed):
    """Run the clients of one process; return how long each request took, in seconds."""
    rng = np.random.default_rng(seed)
    seconds = []

    def client(requests):
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            end = time.perf_counter() + SECONDS
            for request in itertools.cycle(requests):
                start = time.perf_counter()
                connection.sendall(request)
                _read_answer(connection)
                answered = time.perf_counter()
                if answered > end:
                    return
                seconds.append(answered - start)

    bodies = rng.normal(size=(N_CLIENTS, N_BODIES, N_FEATURES))
    threads = [
        threading.Thread(target=client, args=([request_of(row) for row in rows],))
        for rows in bodies
    ]
    _together.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def _read_answer(connection):
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"The service answered {answer!r}.")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    missing = int(lengths[0].partition(b":")[2]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
