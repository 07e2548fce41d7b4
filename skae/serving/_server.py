"""A process that serves one model until it is told to stop."""

import asyncio
import logging
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread

from skae._compat import threadpool_controller
from skae._extras import require

from ._app import make_app

# Seconds in which connections that are open may bring their last requests: longer than a request
# is on its way.
_LAST_REQUESTS = 0.5

# Seconds that answers may still take. Kubernetes, for one, kills 30 seconds after its signal.
_LAST_ANSWERS = 25


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
        If a file is damaged or of another kind, or `name` is empty or has a slash.
    SystemExit
        If the port is taken.

    See Also
    --------
    make_app : The application alone, and what it answers.

    Notes
    -----
    At SIGTERM the server says that it is not ready, takes no further connections, answers every
    request that it has accepted and those that open connections bring in the next half second,
    closes them, and returns. Requests that take longer than 25 seconds are given up.

    The process computes on one thread. To use more cores start several, behind one balancer.

    Examples
    --------
    >>> from skae.serving import serve
    >>> serve("model.skae", port=8080)  # doctest: +SKIP
    """
    uvicorn = require("uvicorn", "serve")
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
            timeout_graceful_shutdown=_LAST_ANSWERS,
        )
        with _signals_end_here():
            _graceful(uvicorn.Server)(config).run()
    metrics = app.state.service.metrics
    logging.getLogger("uvicorn.error").info(
        "Answered %d of %d accepted requests", metrics.n_answered, metrics.n_accepted
    )


def _graceful(server_class):
    """Return a class of server that loses no request of an open connection when it stops."""

    class GracefulServer(server_class):
        def handle_exit(self, sig, frame):
            self.config.app.state.service.ready = False
            super().handle_exit(sig, frame)

        async def shutdown(self, sockets=None):
            for server in self.servers:
                server.close()
            # Each connection ends with its next answer. Only then are idle ones closed: a request
            # that is on its way to one would be lost.
            self.server_state.default_headers.append((b"connection", b"close"))
            await asyncio.sleep(_LAST_REQUESTS)
            await super().shutdown(sockets)

    return GracefulServer


@contextmanager
def _signals_end_here():
    """Let a process end as it would have, after uvicorn has stopped and raises the signal again."""
    if current_thread() is not main_thread():
        yield
        return
    handled = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.signal(one, lambda *_: None) for one in handled}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
