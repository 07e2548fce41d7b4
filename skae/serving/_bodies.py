"""Bodies of requests while they are received, within limits of size, memory and time."""

import asyncio
import math
from typing import TYPE_CHECKING

from ._refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

# Number of bodies of the largest size that may be received at once.
_N_LARGEST = 16

# Seconds for a whole body; a slower sender holds memory for too long.
_SECONDS = 60

# The rest of a refused body is not waited for.
_CLOSE = {"Connection": "close"}


class BodyReader:
    """Receives bodies over all connections; each has at most `max_body` bytes."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._room = _N_LARGEST * max_body
        self._stopped_at = math.inf
        self._timeouts: set[asyncio.Timeout] = set()

    def stop(self, seconds: float) -> None:
        """Refuse the bodies that are not complete when so many seconds have passed."""
        self._stopped_at = asyncio.get_running_loop().time() + seconds
        for timeout in self._timeouts:
            if not timeout.expired():
                timeout.reschedule(min(timeout.when() or math.inf, self._stopped_at))

    async def read(self, request: "Request") -> bytes:
        """Return the body of a request, or refuse it before it takes more memory than it may."""
        from starlette.requests import ClientDisconnect

        encoding = request.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise Refusal(f"Content-Encoding {encoding!r} is not supported; send it as it is.", 415)
        if int(request.headers.get("content-length", 0)) > self._max_body:
            raise self._too_large()
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + _SECONDS, self._stopped_at)) as timeout:
                self._timeouts.add(timeout)
                try:
                    return await self._receive(request)
                finally:
                    self._timeouts.discard(timeout)
        except TimeoutError as error:
            raise self._too_late() from error
        except ClientDisconnect as error:
            # Nobody reads this response, but it is counted.
            raise Refusal("The connection ended before the body did.", 499) from error

    async def _receive(self, request: "Request") -> bytes:
        parts, n_bytes = [], 0
        try:
            async for part in request.stream():
                if n_bytes + len(part) > self._max_body:
                    # A body in chunks may have no end.
                    raise self._too_large(_CLOSE)
                if len(part) > self._room:
                    raise Refusal(
                        f"Too many bodies are being received: {_N_LARGEST} times "
                        f"max_body={self._max_body} bytes. Try again in a second.",
                        503,
                        {"Retry-After": "1"} | _CLOSE,
                    )
                self._room -= len(part)
                n_bytes += len(part)
                parts.append(part)
            return b"".join(parts)
        finally:
            self._room += n_bytes

    def _too_late(self) -> Refusal:
        if self._stopped_at < math.inf:
            return Refusal("The server stops, and the body did not arrive in time.", 503, _CLOSE)
        return Refusal(f"The body took longer than {_SECONDS} seconds.", 408, _CLOSE)

    def _too_large(self, headers: dict[str, str] | None = None) -> Refusal:
        return Refusal(
            f"The body is larger than max_body={self._max_body} bytes. Send fewer rows at a time, "
            f"or binary data instead of JSON.",
            413,
            headers,
        )
