"""``skae serve``."""

import re
from pathlib import Path

from skae._compat import InvalidParameterError

from ._options import NO_TRUST, TrustOptions


def serve(
    model: Path,
    /,
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    max_queue: int = 4096,
    max_batch: int = 256,
    max_body: int = 2**23,
    trusted: TrustOptions = NO_TRUST,
) -> None:
    """Answer requests over HTTP, as KServe's and Triton's clients make them.

    The protocol is the Open Inference Protocol (V2): POST /v2/models/NAME/infer. Ready:
    /v2/health/ready; inputs and outputs: /v2/models/NAME; Prometheus: /metrics. On SIGTERM all
    accepted requests are still answered. A model file that is replaced is loaded and checked, and
    then takes the place of the model before; the log and the metrics say so.

    Parameters
    ----------
    model
        A model file: .skae, .skops or .onnx.
    name
        Name of the model in addresses; the file's name without its ending if not given.
    host
        Address to listen on; 0.0.0.0 for all.
    port
        Port to listen on, up to 65535; 0 takes a free one, which the log names.
    workers
        Processes that answer at the port, each with the model in its memory.
    max_queue
        Rows that may wait in each process; requests beyond that are answered with 503.
    max_batch
        Rows that are computed together.
    max_body
        Largest request in bytes; larger ones are answered with 413.
    """
    from skae.serving import serve as run

    try:
        run(
            model,
            name=name,
            host=host,
            port=port,
            workers=workers,
            max_queue=max_queue,
            max_batch=max_batch,
            max_body=max_body,
            trusted=trusted.trust or (),
        )
    except InvalidParameterError as error:
        # The error names the option, not the parameter of Python.
        raise ValueError(re.sub(r"'(\w+)'", _as_option, str(error), count=1)) from error


def _as_option(quoted: re.Match) -> str:
    return repr("--" + quoted[1].replace("_", "-"))
