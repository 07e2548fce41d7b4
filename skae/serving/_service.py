"""One served model: its name, whether it is ready, and how it answers a request."""

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from ._batcher import Batcher
from ._metrics import Metrics
from ._protocol import JSON_LENGTH_HEADER, format_response, parse_request
from ._refusal import Refusal, shown
from ._served_model import ServedModel

VERSION = "1"


class Service:
    """A model behind its queue, called `name` in addresses; another may take its place.

    `ready` tells whether it wants further requests; it answers those that come nevertheless.
    """

    def __init__(
        self, model: ServedModel, name: str, max_queue: int, max_batch: int, metrics: Metrics
    ) -> None:
        self.model, self.name, self.metrics = model, name, metrics
        self.ready = True
        self.batcher = Batcher(max_queue, max_batch, metrics)

    def take(self, model: ServedModel, digest: str) -> None:
        """Answer later requests by another model, from a file with this SHA-256."""
        self.model = model
        self.metrics.set_digest(digest)

    def check_name(self, name: str, version: str | None) -> None:
        """Refuse any other model or version."""
        if name != self.name or version not in (None, VERSION):
            raise Refusal(
                f"There is no model {shown(name)}"
                + (f" of version {shown(version)}" if version is not None else "")
                + f"; this server has {self.name!r}, version {VERSION!r}.",
                404,
            )

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of the model, as the protocol defines them."""
        model = self.model
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": model.platform,
            "inputs": [vars(spec) for spec in model.inputs],
            "outputs": [vars(spec) for spec in model.outputs.values()],
        }

    async def infer(
        self, body: Awaitable[bytes], json_length: str | None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of the response to a request, or refuse it.

        `json_length` is the header of the request that states where its JSON ends.
        """
        start, status, accepted = perf_counter(), None, False
        try:
            content = await body
            # Only from here on the time is the server's, and not the sender's.
            start = perf_counter()
            # A request is answered by the model that it was read for.
            model = self.model
            request = parse_request(content, json_length, model)
            answer = self.batcher.submit(model, request.inputs, request.outputs)
            accepted = True
            response, n_json = format_response(request, await answer, self.name, VERSION)
            status = 200
        except Refusal as refusal:
            status = refusal.status
            raise
        except Exception:
            status = 500
            raise
        finally:
            # A request that is cancelled, as at the end of a stop, has no answer.
            if status is not None:
                self.metrics.count_answer(status, perf_counter() - start, accepted)
        if n_json is None:
            return response, {"Content-Type": "application/json"}
        return response, {
            "Content-Type": "application/octet-stream",
            JSON_LENGTH_HEADER: str(n_json),
        }
