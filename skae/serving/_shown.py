"""Values of a request, and errors about them, as an answer repeats them."""

from reprlib import Repr

_LIMIT = 100

# An error of a model may repeat all values of a request.
_ERROR_LIMIT = 500

_short = Repr()
_short.maxlevel = 2
_short.maxstring = _short.maxother = _short.maxlong = _LIMIT


def shown(value):
    """Return at most about 100 characters of a value's repr, whatever its size."""
    return _begin(_short.repr(value), _LIMIT)


def cut(error):
    """Return at most about 500 characters of what an error says."""
    return _begin(str(error), _ERROR_LIMIT)


def _begin(text, limit):
    return text if len(text) <= limit else text[:limit] + "..."
