"""How a server stops: it answers what it has accepted, and waits for no client for long."""

import asyncio
import math
import signal
from contextlib import contextmanager
from threading import current_thread, main_thread
from time import monotonic

from ._connections import Connections

# Seconds in which connections that are open may bring their last requests: longer than a request
# is on its way.
_LAST_REQUESTS = 0.5

# Seconds after which a server that stops waits for no body any more.
_LAST_BODIES = 1.5

# Seconds in which the last answers are to be taken, after the last of them was computed. With those
# before it that is less than the five seconds that a stop may take beyond accepted work.
_LAST_ANSWERS = 1.5

# Seconds between looks at connections.
_LOOK = 0.5


def graceful(server_class):
    """Return a class of server that ends slow connections, and stops without losing a request."""

    class GracefulServer(server_class):
        def __init__(self, config):
            super().__init__(config)
            self._connections = Connections(self.server_state)
            self._looked = -math.inf

        async def on_tick(self, counter):
            now = monotonic()
            if now - self._looked >= _LOOK:
                self._looked = now
                self._connections.end_slow(now)
            return await super().on_tick(counter)

        def handle_exit(self, sig, frame):
            state = self.config.app.state
            state.service.ready = False
            super().handle_exit(sig, frame)
            if self.force_exit:
                loop = asyncio.get_running_loop()
                loop.call_soon_threadsafe(state.service.give_up)
                loop.call_soon_threadsafe(state.bodies.stop, 0)

        async def shutdown(self, sockets=None):
            for server in self.servers:
                server.close()
            # Each connection ends with its next answer. Only then are idle ones closed: a request
            # that is on its way to one would be lost.
            self.server_state.default_headers.append((b"connection", b"close"))
            self.config.app.state.bodies.stop(_LAST_BODIES)
            end = asyncio.create_task(self._end_connections())
            await asyncio.sleep(_LAST_REQUESTS)
            await super().shutdown(sockets)
            if self.force_exit:
                # What is given up is told so.
                await asyncio.sleep(0.1)
            end.cancel()

        async def _end_connections(self):
            await asyncio.sleep(_LAST_BODIES)
            while self.config.app.state.service.busy:
                await asyncio.sleep(0.05)
            await asyncio.sleep(_LAST_ANSWERS)
            self._connections.end_all()

    return GracefulServer


@contextmanager
def signals_stop(server):
    """Stop a server at signals also before and after uvicorn handles them.

    uvicorn raises a signal again when it has stopped, which shall not end the process.
    """
    if current_thread() is not main_thread():
        yield
        return

    def stop(sig, frame):
        server.should_exit = True

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
