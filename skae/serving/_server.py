"""A server of one model."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from skae._extras import require

from ._app import check_name, require_libraries
from ._metrics import Metrics
from ._number_ranges import check_numbers
from ._running import run_server
from ._workers import run_workers


def serve(
    model: str | os.PathLike | BaseEstimator,
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    max_queue: int = 4096,
    max_batch: int = 256,
    max_body: int = 2**23,
    trusted: Collection[str] = (),
) -> None:
    """Serve a model over HTTP until SIGTERM or Ctrl+C.

    Parameters
    ----------
    model : str, PathLike or estimator
        A file: ``.skae`` from ``skae.save``, ``.onnx``, or ``.skops`` of which only
        ``skae.persistence.TRUSTED_TYPES`` and `trusted` are trusted; or a fitted estimator or
        Pipeline. A file is read again when it is replaced; see the notes.
    name : str, default=None
        Name of the model in addresses: ``/v2/models/{name}/infer``. None is the name of the file
        without its suffix, or "model".
    host : str, default="127.0.0.1"
        Address to listen at. By default only this machine can connect; with "0.0.0.0" all others
        can. There is neither encryption nor a password: put a proxy or KServe in front of it.
    port : int, default=8000
        Port to listen at; 0 takes a free one, which the log states.
    workers : int, default=1
        Processes that answer at the port, each with the model in its memory and on one thread. A
        process answers thousands of small requests a second; take as many as there are cores if
        that is too little. With more than one, the system's folder of temporary files holds a copy
        of the model file and the counters of all processes, of a few megabytes. ONNX graphs must
        then hold their weights, and not name a second file.
    max_queue : int, default=4096
        Rows that may wait in each process; see :func:`make_app`.
    max_batch : int, default=256
        Rows that are computed together; see :func:`make_app`.
    max_body : int, default=8388608
        Bytes of a request; see :func:`make_app`.
    trusted : collection of str, default=()
        Types to trust in a file of skops beside `TRUSTED_TYPES`, by their full names; see
        :func:`skae.persistence.load_estimator`.

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
        If a file is damaged, of another kind or replaced while it is read, `name` is empty or has a
        slash, `host` is empty, or a number is out of its range: 0 to 65535 for `port`, positive
        for the others.
    UntrustedTypesFoundException
        If skops finds types in a file that are not trusted.
    RuntimeError
        If one of several workers does not start.
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

    A model file is looked at every second. One that was replaced is loaded beside the model that
    answers, and tried on made-up rows, before it takes the place of that model; requests that were
    accepted before are answered by the model before, and no connection is refused. A file that is
    damaged, or that cannot be served, is named in the log with the reason, and the model before
    answers on. :func:`skae.save` replaces a file at once; other files should be written beside it
    and renamed. A new file may have other inputs and outputs: clients learn them from the metadata.

    With several workers, one process listens and starts the others. It loads each new file first,
    then the workers take it, each within two seconds. It starts another worker for one that ends,
    with the model that the others have. The metrics are those of all workers together, whichever
    answers; their counters include workers that have ended. Python starts the workers as new
    processes, so a script must call this below ``if __name__ == "__main__":``.

    ``skae_workers{sha256="..."}`` of the metrics says how many processes answer with which file;
    ``skae_reloads_total`` and ``skae_refused_reloads_total`` count replaced files.

    Examples
    --------
    >>> from skae.serving import serve
    >>> serve("model.skae", port=8080)  # doctest: +SKIP
    """
    require("uvicorn", "serve")
    require_libraries()
    check_numbers(
        "serve",
        port=port,
        workers=workers,
        max_queue=max_queue,
        max_batch=max_batch,
        max_body=max_body,
    )
    if not host:
        raise ValueError(
            f"host={host!r} is no address to listen at; for all of this machine's give '0.0.0.0'."
        )
    if name is None:
        name = Path(model).stem if isinstance(model, str | os.PathLike) else "model"
    check_name(name)
    options: dict[str, Any] = {
        "name": name,
        "max_queue": max_queue,
        "max_batch": max_batch,
        "max_body": max_body,
    }
    if workers > 1:
        run_workers(model, trusted, workers, host, port, **options)
    else:
        metrics = Metrics(name)
        run_server(model, trusted, metrics, metrics.count_reload, host=host, port=port, **options)
