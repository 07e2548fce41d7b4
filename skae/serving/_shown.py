"""Values of a request, as an error repeats them."""

from reprlib import Repr

_LIMIT = 100

_short = Repr()
_short.maxlevel = 2
_short.maxstring = _short.maxother = _short.maxlong = _LIMIT


def shown(value):
    """Return at most about 100 characters of a value's repr, whatever its size."""
    text = _short.repr(value)
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."
