"""A server that stops gracefully: accepted requests are answered, slow clients are not awaited."""

import asyncio
import math
import signal
from collections.abc import Callable
from multiprocessing import parent_process
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

from ._slow_connections import SlowConnections

if TYPE_CHECKING:
    import uvicorn

# Seconds in which open connections may bring their last requests: longer than a request is on its
# way.
_LAST_REQUESTS = 0.5

# Seconds after which a server that stops waits for no body any more.
_LAST_BODIES = 1.5

# Seconds in which clients must take the last answers, after the last of them was computed. With
# those before it that is less than the five seconds that a stop may take beyond accepted work.
_LAST_ANSWERS = 1.5

# Seconds between two searches for slow connections.
_INTERVAL = 0.5


def graceful_server(app: Any, on_start: Callable[[], None], **params: Any) -> "uvicorn.Server":
    """Return a server of the application that ends slow connections, and stops losing no request.

    It calls `on_start` when it listens. `params` are those of `uvicorn.Config`. In a process of
    multiprocessing it stops when the process that started it is gone.
    """
    import uvicorn

    service, bodies = app.state.service, app.state.bodies

    class GracefulServer(uvicorn.Server):
        def __init__(self) -> None:
            super().__init__(uvicorn.Config(app, **params))
            self._connections = SlowConnections(self.server_state)
            self._searched_at = -math.inf

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            on_start()

        async def on_tick(self, counter: int) -> bool:
            now = monotonic()
            if now - self._searched_at >= _INTERVAL:
                self._searched_at = now
                self._connections.end_slow(now)
                if (parent := parent_process()) and not parent.is_alive():
                    self.handle_exit(signal.SIGTERM, None)
            return await super().on_tick(counter)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # uvicorn's own method would also raise the signal again after the stop.
            service.ready = False
            if self.should_exit and sig == signal.SIGINT:
                self.force_exit = True
                loop = asyncio.get_running_loop()
                loop.call_soon_threadsafe(service.batcher.give_up)
                loop.call_soon_threadsafe(bodies.stop, 0)
            self.should_exit = True

        async def shutdown(self, sockets: Any = None) -> None:
            for server in self.servers:
                server.close()
            # Each connection ends with its next answer. Idle ones are closed only after the last
            # requests: a request that is on its way to one would be lost.
            self.server_state.default_headers.append((b"connection", b"close"))
            bodies.stop(_LAST_BODIES)
            end = asyncio.create_task(self._end_connections())
            await asyncio.sleep(_LAST_REQUESTS)
            await super().shutdown(sockets)
            if self.force_exit:
                # Time to send the refusals of requests that are given up.
                await asyncio.sleep(0.1)
            end.cancel()

        async def _end_connections(self) -> None:
            await asyncio.sleep(_LAST_BODIES)
            while service.batcher.busy:
                await asyncio.sleep(0.05)
            await asyncio.sleep(_LAST_ANSWERS)
            self._connections.end_all()

    return GracefulServer()
