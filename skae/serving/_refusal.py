"""Refusals of requests, and excerpts of values that their messages quote."""

from reprlib import Repr

_MAX_LENGTH = 100
# An error of a model may quote all values of a request.
_MAX_ERROR_LENGTH = 500

_repr = Repr()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxother = _repr.maxlong = _MAX_LENGTH


class Refusal(Exception):
    """A request is not answered; the message tells its sender why, and what to do.

    `status` is the HTTP status of the response, `headers` are added to its headers.
    """

    def __init__(
        self, message: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def shown(value: object) -> str:
    """Return at most about 100 characters of a value's repr, whatever its size."""
    return _cut(_repr.repr(value), _MAX_LENGTH)


def error_excerpt(error: Exception) -> str:
    """Return at most about 500 characters of an error's message."""
    return _cut(str(error), _MAX_ERROR_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "..."
