"""A process that serves one model until it is told to stop."""

import logging
import os
from pathlib import Path

from sklearn.base import BaseEstimator

from skae._compat import threadpool_controller
from skae._extras import require

from ._app import make_app
from ._graceful_stop import graceful_server
from ._number_ranges import check_numbers


def serve(
    model: str | os.PathLike | BaseEstimator,
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_queue: int = 4096,
    max_batch: int = 256,
    max_body: int = 2**23,
) -> None:
    """Serve a model over HTTP until SIGTERM or Ctrl+C.

    Parameters
    ----------
    model : str, PathLike or estimator
        A file: ``.skae`` from ``skae.save``, ``.onnx``, or ``.skops`` of which only
        ``skae.persistence.TRUSTED_TYPES`` are trusted; or a fitted estimator or Pipeline. A file
        with other types must be opened first, by
        ``skae.persistence.load_estimator(path, trusted=...)``.
    name : str, default=None
        Name of the model in addresses: ``/v2/models/{name}/infer``. None is the name of the file
        without its suffix, or "model".
    host : str, default="127.0.0.1"
        Address to listen at. By default only this machine can connect; with "0.0.0.0" all others
        can. There is neither encryption nor a password: put a proxy or KServe in front of it.
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
        If `model` cannot answer row by row, or takes other columns than numeric ones and its
        first step is no estimator of skae.
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
    second, and returns. Beyond the computation of the accepted requests this takes less than five
    seconds: a body that is not complete after 1.5 seconds is refused with 503, and a connection
    whose client does not take its answer in 1.5 seconds is ended. A second SIGINT gives up the
    requests that are not computed yet, and answers them with 503.

    A connection is closed when it is idle for five seconds after an answer, when the head of a
    request takes longer than ten seconds, or when a body or the taking of an answer takes longer
    than a minute.

    The process computes on one thread. To use more cores start several, behind one balancer.

    Examples
    --------
    >>> from skae.serving import serve
    >>> serve("model.skae", port=8080)  # doctest: +SKIP
    """
    require("uvicorn", "serve")
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
        server = graceful_server(
            app,
            host=host,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        server.run()
    metrics = app.state.service.metrics
    logging.getLogger("uvicorn.error").info(
        "Answered %d of %d accepted requests", metrics.n_answered, metrics.n_accepted
    )
