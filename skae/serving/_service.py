"""One served model: whether it is ready, what it is, and how it answers a request."""

from time import perf_counter

from ._batching import Batcher
from ._metrics import Metrics
from ._protocol import JSON_LENGTH_HEADER, format_response, parse_request
from ._refusal import Refusal
from ._shown import shown

VERSION = "1"


class Service:
    """A model behind its queue.

    Parameters
    ----------
    model : Model
        What answers.
    name : str
        What it is called in addresses.
    max_queue, max_batch : int
        See `Batcher`.

    Attributes
    ----------
    ready : bool
        Whether it wants further requests; those that come nevertheless are answered.
    """

    def __init__(self, model, name, max_queue, max_batch):
        self.model, self.name = model, name
        self.metrics = Metrics(name)
        self.ready = True
        self._batcher = Batcher(model.run, max_queue, max_batch, self.metrics)

    @property
    def busy(self):
        """Whether accepted rows wait or are being computed."""
        return self._batcher.busy

    def give_up(self):
        """Refuse all accepted requests that have no answer yet."""
        self._batcher.give_up()

    def check_name(self, name, version):
        """Refuse any other model or version."""
        if name != self.name or version not in (None, VERSION):
            raise Refusal(
                f"There is no model {shown(name)}"
                + (f" of version {shown(version)}" if version is not None else "")
                + f"; this server has {self.name!r}, version {VERSION!r}.",
                404,
            )

    def metadata(self):
        """Return what the protocol tells of a model."""
        model = self.model
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": model.platform,
            "inputs": [vars(spec) for spec in model.inputs],
            "outputs": [vars(output) for output in model.outputs.values()],
        }

    async def infer(self, body, json_length):
        """Answer a request.

        Parameters
        ----------
        body : awaitable of bytes
            The body of the request, while it is being received.
        json_length : str or None
            Its header of that name.

        Returns
        -------
        body : bytes
            The answer.
        headers : dict
            What goes with it.

        Raises
        ------
        Refusal
            If there is none.
        """
        start, status, accepted = perf_counter(), None, False
        try:
            body = await body
            # How long that took is up to the sender.
            start = perf_counter()
            request = parse_request(body, json_length, self.model)
            answer = self._batcher.submit(request.inputs, request.outputs)
            accepted = True
            results = await answer
            body, json_length = format_response(request, results, self.name, VERSION)
            status = 200
        except Refusal as refusal:
            status = refusal.status
            raise
        except Exception:
            status = 500
            raise
        finally:
            # What is cancelled, as at the end of a stop, has no answer.
            if status is not None:
                self.metrics.answer(status, perf_counter() - start, accepted)
        if json_length is None:
            return body, {"Content-Type": "application/json"}
        return body, {
            "Content-Type": "application/octet-stream",
            JSON_LENGTH_HEADER: str(json_length),
        }
