"""Connections that are open, and how long the server waits for the client of each."""

import logging

# Seconds for the first byte and the whole head of a request. What is idle after an answer, uvicorn
# closes.
_HEAD = 10

# Seconds for a whole answer to be taken.
_ANSWER = 60


class Connections:
    """Those connections of a server on which it waits for the client.

    While a body is received, `Bodies` sets the limit; while the model computes, the client waits.

    Parameters
    ----------
    state : uvicorn.server.ServerState
        Knows which connections are open.
    """

    def __init__(self, state):
        self._state = state
        self._waiting = {}

    def end_slow(self, now):
        """End those that have been waited for too long.

        Parameters
        ----------
        now : float
            The time, in seconds.
        """
        waiting = {}
        for connection in self._state.connections:
            limit = _limit(connection)
            if limit is None:
                continue
            # With the next request waiting begins anew.
            key = (limit, connection.cycle)
            known, since = self._waiting.get(connection, (None, now))
            if known != key:
                since = now
            waiting[connection] = (key, since)
        self._waiting = waiting
        for connection, ((limit, _), since) in waiting.items():
            if now - since >= limit:
                if connection.transport.get_write_buffer_size():
                    logging.getLogger("uvicorn.error").warning(
                        "A connection is ended: its answer was not taken in %g seconds", limit
                    )
                connection.transport.abort()

    def end_all(self):
        """End all of them, with what they have not taken."""
        for connection in list(self._state.connections):
            connection.transport.abort()


def _limit(connection):
    """Return how many seconds the client has for what the server waits for, if it does."""
    if connection.transport.get_write_buffer_size():
        return _ANSWER
    if connection.cycle is None or connection.cycle.response_complete:
        return _HEAD
    return None
