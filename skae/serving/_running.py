"""A process that answers requests until it is told to stop."""

import logging
import os
from collections.abc import Callable, Collection
from contextlib import nullcontext
from typing import Any

from sklearn.base import BaseEstimator

from skae._compat import threadpool_controller

from ._app import app_of
from ._graceful_stop import graceful_server
from ._loading import load_model
from ._metrics import Metrics
from ._watched_file import WatchedFile


def run_server(
    model: str | os.PathLike | BaseEstimator,
    trusted: Collection[str],
    metrics: Metrics,
    count_reload: Callable[[bool], None],
    on_start: Callable[[], None] = lambda: None,
    sockets: Any = None,
    shown: str | None = None,
    host: str = "",
    port: int = 0,
    **options: Any,
) -> None:
    """Serve a model at an address, or at sockets that listen already.

    A file, which the log calls `shown`, is read again when it is replaced. `options` are those of
    `app_of`.
    """
    with threadpool_controller().limit(limits=1):
        if isinstance(model, str | os.PathLike):
            file = WatchedFile(model, trusted, shown)
            served, digest = file.load()
        else:
            file, served, digest = None, load_model(model, trusted), ""
        app = app_of(served, metrics, **options)
        service = app.state.service
        service.take(served, digest)
        server = graceful_server(
            app,
            on_start,
            host=host,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        with nullcontext() if file is None else file.watched(service.take, count_reload):
            server.run(sockets)
    logging.getLogger("uvicorn.error").info(
        "Answered %d of %d accepted requests", metrics.n_answered, metrics.n_accepted
    )
