"""``skae serve``."""

from pathlib import Path

from skae.persistence import load_estimator


def serve(
    model: Path,
    /,
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_queue: int = 4096,
    max_batch: int = 256,
    max_body: int = 2**23,
    trust: list[str] | None = None,
):
    """Answer requests over HTTP, as KServe's and Triton's clients make them.

    The protocol is the Open Inference Protocol (V2): POST /v2/models/NAME/infer. Ready:
    /v2/health/ready; what goes in and comes out: /v2/models/NAME; Prometheus: /metrics. On SIGTERM
    everything that was accepted is still answered.

    Parameters
    ----------
    model
        A model file: .skae, .skops or .onnx.
    name
        What the model is called in addresses; the file's name without its ending if not given.
    host
        Address to listen on; 0.0.0.0 for all.
    port
        Port to listen on, up to 65535; 0 takes a free one, which the log names.
    max_queue
        Rows that may wait; what comes on top is answered with 503.
    max_batch
        Rows that are computed together.
    max_body
        Largest request in bytes; what is larger is answered with 413.
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    """
    from skae.serving import serve as run
    from skae.serving._limits import check_numbers

    numbers = {
        "port": port,
        "max_queue": max_queue,
        "max_batch": max_batch,
        "max_body": max_body,
    }
    check_numbers("skae serve", spelled=_option, **numbers)
    run(
        load_estimator(model, trusted=trust) if trust else model,
        name=model.stem if name is None else name,
        host=host,
        **numbers,
    )


def _option(name):
    return "--" + name.replace("_", "-")
