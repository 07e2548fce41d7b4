"""A process that serves one model until it is told to stop."""

import asyncio
import logging
import math
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from time import monotonic

from skae._compat import threadpool_controller
from skae._extras import require

from ._app import make_app
from ._connections import Connections
from ._limits import check_numbers

# Seconds in which connections that are open may bring their last requests: longer than a request
# is on its way.
_LAST_REQUESTS = 0.5

# Seconds after which a server that stops waits for no body any more.
_LAST_BODIES = 2

# Seconds in which the last answers are to be taken, after the last of them was computed. With those
# before it that is less than the five seconds that a stop may take beyond accepted work.
_LAST_ANSWERS = 2

# Seconds between looks at connections.
_LOOK = 0.5


def serve(
    model,
    *,
    name=None,
    host="127.0.0.1",
    port=8000,
    max_queue=4096,
    max_batch=256,
    max_body=2**23,
):
    """Serve a model over HTTP until SIGTERM or Ctrl+C.

    Parameters
    ----------
    model : str, PathLike or estimator
        A file: ``.skae`` from ``skae.save``, ``.onnx``, or ``.skops`` of which only classes of skae
        are trusted; or a fitted estimator or Pipeline.
    name : str, default=None
        What the model is called in addresses: ``/v2/models/{name}/infer``. None is the name of the
        file without its suffix, or "model".
    host : str, default="127.0.0.1"
        Address to listen at. By default only this machine can connect; "0.0.0.0" lets all others.
        There is neither encryption nor a password: put a proxy or KServe before it.
    port : int, default=8000
        Port to listen at; 0 takes a free one, which the log states.
    max_queue : int, default=4096
        Rows that may wait; see :func:`make_app`.
    max_batch : int, default=256
        Rows that are computed together; see :func:`make_app`.
    max_body : int, default=8388608
        Bytes of a request; see :func:`make_app`.

    Raises
    ------
    ImportError
        If the extra ``serve`` is not installed.
    TypeError
        If `model` cannot answer row by row, or takes other columns than numeric ones.
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is damaged or of another kind, `name` is empty or has a slash, `host` is empty,
        or a number is out of its range: 0 to 65535 for `port`, positive for the others.
    SystemExit
        If the port is taken.

    See Also
    --------
    make_app : The application alone, and what it answers.

    Notes
    -----
    At SIGTERM or SIGINT the server says that it is not ready, takes no further connections, answers
    every request that it has accepted and those that open connections bring in the next half
    second, and returns. Beyond the computation of what it has accepted that takes less than five
    seconds: a body that is not here after two seconds is refused with 503, and a connection whose
    client does not take its answer in two seconds is ended. A second SIGINT ends it at once.

    A connection is closed when it is idle for five seconds after an answer, when the head of a
    request takes longer than ten seconds, a body or the taking of an answer longer than a minute.

    The process computes on one thread. To use more cores start several, behind one balancer.

    Examples
    --------
    >>> from skae.serving import serve
    >>> serve("model.skae", port=8080)  # doctest: +SKIP
    """
    uvicorn = require("uvicorn", "serve")
    check_numbers("serve", port=port, max_queue=max_queue, max_batch=max_batch, max_body=max_body)
    if not host:
        raise ValueError(
            f"host={host!r} is no address to listen at; for all of this machine's give '0.0.0.0'."
        )
    if name is None:
        name = Path(model).stem if isinstance(model, str | os.PathLike) else "model"
    with threadpool_controller().limit(limits=1):
        app = make_app(
            model, name=name, max_queue=max_queue, max_batch=max_batch, max_body=max_body
        )
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        server = _graceful(uvicorn.Server)(config)
        with _signals_stop(server):
            server.run()
    metrics = app.state.service.metrics
    logging.getLogger("uvicorn.error").info(
        "Answered %d of %d accepted requests", metrics.n_answered, metrics.n_accepted
    )


def _graceful(server_class):
    """Return a class of server that ends slow connections, and stops without losing a request."""

    class GracefulServer(server_class):
        def __init__(self, config):
            super().__init__(config)
            self._connections = Connections(self.server_state)
            self._looked = -math.inf

        async def on_tick(self, counter):
            now = monotonic()
            if now - self._looked >= _LOOK:
                self._looked = now
                self._connections.end_slow(now)
            return await super().on_tick(counter)

        def handle_exit(self, sig, frame):
            self.config.app.state.service.ready = False
            super().handle_exit(sig, frame)

        async def shutdown(self, sockets=None):
            for server in self.servers:
                server.close()
            # Each connection ends with its next answer. Only then are idle ones closed: a request
            # that is on its way to one would be lost.
            self.server_state.default_headers.append((b"connection", b"close"))
            self.config.app.state.bodies.stop(_LAST_BODIES)
            end = asyncio.create_task(self._end_connections())
            await asyncio.sleep(_LAST_REQUESTS)
            await super().shutdown(sockets)
            end.cancel()

        async def _end_connections(self):
            await asyncio.sleep(_LAST_BODIES)
            while self.config.app.state.service.busy:
                await asyncio.sleep(0.05)
            await asyncio.sleep(_LAST_ANSWERS)
            self._connections.end_all()

    return GracefulServer


@contextmanager
def _signals_stop(server):
    """Stop a server at signals also before and after uvicorn handles them.

    uvicorn raises a signal again when it has stopped, which shall not end the process.
    """
    if current_thread() is not main_thread():
        yield
        return

    def stop(sig, frame):
        server.should_exit = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
