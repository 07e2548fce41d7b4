"""The addresses of the Open Inference Protocol, as an ASGI application."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from skae._extras import require

from ._bodies import BodyReader
from ._loading import load_model
from ._metrics import Metrics
from ._number_ranges import check_numbers
from ._protocol import JSON_LENGTH_HEADER
from ._refusal import Refusal
from ._served_model import ServedModel
from ._service import Service

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_MODEL = "/v2/models/{name}"


def make_app(
    model: str | PathLike | BaseEstimator,
    *,
    name: str = "model",
    max_queue: int = 4096,
    max_batch: int = 256,
    max_body: int = 2**23,
) -> "Starlette":
    """Make an ASGI application that answers requests of the Open Inference Protocol.

    It can be mounted in another application, or run by any ASGI server; :func:`serve` runs it
    with uvicorn and stops it gracefully.

    Parameters
    ----------
    model : estimator, str or PathLike
        A fitted estimator or Pipeline, or a file: ``.skae`` from ``skae.save``, ``.onnx``, or
        ``.skops`` of which only ``skae.persistence.TRUSTED_TYPES`` are trusted. A file with other
        types must be opened first, by ``skae.persistence.load_estimator(path, trusted=...)``.
    name : str, default="model"
        Name of the model in addresses: ``/v2/models/model/infer``.
    max_queue : int, default=4096
        Rows that may wait for the model; requests beyond that are answered with 503. The default
        is a few times what one model computes in the second after which clients are told to come
        again.
    max_batch : int, default=256
        Rows that are computed together. More do not make a row cheaper.
    max_body : int, default=8388608
        Bytes of a request, 8 MiB by default: 1,300 rows of 784 float64 numbers as binary data, and
        half of that or less as JSON. Larger ones are answered with 413, without being read. The
        server answers nobody while it parses JSON, so before you raise this, send many rows as
        binary data, which are read at once. Bodies that are being received may hold 16 times as
        much; those beyond that are answered with 503, and those that take longer than a minute
        with 408.

    Returns
    -------
    app : starlette.applications.Starlette
        The application.

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
        If a file is damaged or of another kind, `name` is empty or has a slash, or a number is
        not positive.

    See Also
    --------
    serve : Runs it.

    Notes
    -----
    Addresses are those of the protocol: ``/v2``, ``/v2/health/live``, ``/v2/health/ready``,
    ``/v2/models/{name}``, the same with ``/ready`` and, for POST, ``/infer``, each also below
    ``/versions/1``; and ``/metrics`` for Prometheus. Clients of KServe and Triton work as they are,
    with JSON and with the binary extension, which is much faster for many rows.

    An estimator has one input, ``input``, of shape [n, n_features]. It accepts every integer type,
    FP16, FP32 and FP64; its metadata say FP64, the type in which nothing is lost. An ONNX graph has
    its own inputs, by their names: the graph of a Pipeline with a
    :class:`~sklearn.compose.ColumnTransformer` has one of shape [n, 1] for each column, and
    columns of words are BYTES.

    An estimator that was fitted on a table with columns of several types has an input of shape
    [n, 1] for each column, by its name: BYTES for text, INT64 for whole numbers, BOOL for truth
    values, FP64 for other numbers and for dates (seconds since 1970, in UTC if they have a time
    zone), times and durations (seconds). FP64 is accepted for whole numbers, too.

    A cell may be missing where the estimator answers such a row: it is null in JSON, NaN in binary
    data, and the empty string in text. Elsewhere, and in graphs that do not tell, it is refused
    with 400, as infinite values are everywhere. Graphs of skae tell for which inputs it may be:
    whole numbers and truth values that had no gaps in `fit` have none there.

    Outputs are those that the estimator gives for a trial row: ``codes``, ``reconstruction``,
    ``score`` (``score_samples``), ``outlier`` (true for outliers), or ``prediction`` and
    ``probability``. Of columns of several types each has its own reconstruction:
    ``reconstruction_age`` for the column "age". A method that does not work, as
    ``inverse_transform`` behind a :class:`~sklearn.impute.SimpleImputer`, is left out, with a
    warning in the log. The protocol says that a request without ``outputs`` gets all of them. Only
    requested outputs are computed, so name those that you need.

    All rows that wait when the model becomes free are computed together. Autoencoders give a row
    alone the same bits as in a batch. The model runs on one thread; :func:`serve` has `workers` for
    more.

    Clients must keep their side of the connection open until they have the answer: uvicorn takes
    a connection that is half closed (``shutdown(SHUT_WR)``) for one that has ended.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderTransformer
    >>> from skae.serving import make_app
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> app = make_app(AutoencoderTransformer(2, max_iter=2, random_state=0).fit(X), name="ae")
    >>> sorted(route.path for route in app.routes)[:2]
    ['/metrics', '/v2']

    It runs with ``uvicorn.run(app)``, or as a part of another application::

        Starlette(routes=[Mount("/autoencoder", app)])
    """
    require_libraries()
    check_name(name)
    check_numbers("make_app", max_queue=max_queue, max_batch=max_batch, max_body=max_body)
    served = load_model(model)
    return app_of(
        served,
        Metrics(name),
        name=name,
        max_queue=max_queue,
        max_batch=max_batch,
        max_body=max_body,
    )


def require_libraries() -> None:
    """Raise an ImportError that names the extra if a library is not installed."""
    for library in ("starlette", "orjson", "prometheus_client"):
        require(library, "serve")


def check_name(name: str) -> None:
    """Refuse a name that cannot be a part of an address."""
    if not name or "/" in name:
        raise ValueError(
            f"name={name!r} cannot be a part of an address: expected some characters without '/'."
        )


def app_of(
    model: ServedModel,
    metrics: Metrics,
    *,
    name: str,
    max_queue: int,
    max_batch: int,
    max_body: int,
) -> "Starlette":
    """Return the application of a model; its `state` has the service and the reader of bodies."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

    service = Service(model, name, max_queue, max_batch, metrics)
    bodies = BodyReader(max_body)
    handlers: Any = {HTTPException: _http_error, Refusal: _refusal, Exception: _failure}
    app = Starlette(routes=_routes(service, bodies), exception_handlers=handlers)
    app.state.service, app.state.bodies = service, bodies
    return app


def _routes(service: Service, bodies: BodyReader) -> "list[Route]":
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from skae import __version__

    def check(request: "Request") -> None:
        service.check_name(request.path_params["name"], request.path_params.get("version"))

    async def infer(request: "Request") -> Response:
        check(request)
        json_length = request.headers.get(JSON_LENGTH_HEADER)
        body, headers = await service.infer(bodies.read(request), json_length)
        return Response(body, headers=headers)

    async def model_metadata(request: "Request") -> Response:
        check(request)
        return JSONResponse(service.metadata())

    async def model_ready(request: "Request") -> Response:
        check(request)
        content = {"name": service.name, "ready": service.ready}
        return JSONResponse(content, 200 if service.ready else 503)

    async def ready(request: "Request") -> Response:
        return JSONResponse({"ready": service.ready}, 200 if service.ready else 503)

    async def metrics(request: "Request") -> Response:
        text, content_type = service.metrics.text()
        return Response(text, headers={"Content-Type": content_type})

    of_model = [
        Route(prefix + path, endpoint, methods=methods)
        for path, endpoint, methods in (
            ("/infer", infer, ["POST"]),
            ("/ready", model_ready, ["GET"]),
            ("", model_metadata, ["GET"]),
        )
        for prefix in (_MODEL, _MODEL + "/versions/{version}")
    ]
    extensions = ["binary_tensor_data"]
    server = {"name": "skae", "version": __version__, "extensions": extensions}
    return [
        *of_model,
        # Answers that never change.
        Route("/v2/health/live", JSONResponse({"live": True}), methods=["GET"]),
        Route("/v2/health/ready", ready),
        Route("/v2", JSONResponse(server), methods=["GET"]),
        Route("/metrics", metrics),
    ]


async def _refusal(request: "Request", refusal: Refusal) -> "Response":
    return _error_response(str(refusal), refusal.status, refusal.headers)


async def _http_error(request: "Request", error: Any) -> "Response":
    message = f"{error.detail}: {request.method} {request.url.path}"
    if error.status_code == 404:
        message += " is no address of the Open Inference Protocol, /v2/..."
    return _error_response(message, error.status_code, error.headers)


async def _failure(request: "Request", error: Exception) -> "Response":
    return _error_response("The server failed; its log says why.", 500, None)


def _error_response(message: str, status: int, headers: Any) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"error": message}, status, headers)
