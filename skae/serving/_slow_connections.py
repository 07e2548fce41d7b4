"""Open connections, and how long the server waits for the client of each."""

import logging
from typing import Any

# Seconds for the first byte and the whole head of a request. uvicorn closes a connection that is
# idle after an answer.
_HEAD = 10

# Seconds in which a client must take a whole answer.
_ANSWER = 60


class SlowConnections:
    """The connections, in a `uvicorn.server.ServerState`, on which the server waits for the client.

    While a body is received, `BodyReader` sets the limit; while the model computes, the client
    waits for the server.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._waiting: dict[Any, tuple[Any, float]] = {}

    def end_slow(self, now: float) -> None:
        """End connections whose client takes too long; `now` is the time in seconds."""
        waiting = {}
        for connection in self._state.connections:
            limit = _limit(connection)
            if limit is None:
                continue
            # The wait begins anew with the next request.
            key = (limit, connection.cycle)
            known, since = self._waiting.get(connection, (None, now))
            waiting[connection] = (key, since if known == key else now)
        self._waiting = waiting
        for connection, ((limit, _), since) in waiting.items():
            if now - since >= limit:
                if connection.transport.get_write_buffer_size():
                    logging.getLogger("uvicorn.error").warning(
                        "A connection is ended: its answer was not taken in %g seconds", limit
                    )
                connection.transport.abort()

    def end_all(self) -> None:
        """End all connections, with the answers that their clients have not taken."""
        for connection in list(self._state.connections):
            connection.transport.abort()


def _limit(connection: Any) -> float | None:
    """Return for how many seconds the server waits for the client; None if it does not."""
    if connection.transport.get_write_buffer_size():
        return _ANSWER
    if connection.cycle is None or connection.cycle.response_complete:
        return _HEAD
    return None
