"""Ranges of the numbers that a server is started with."""

from numbers import Integral

from skae._compat import Interval, validate_parameter_constraints

_POSITIVE = [Interval(Integral, 1, None, closed="left")]
_RANGES = {
    "port": [Interval(Integral, 0, 65535, closed="both")],
    "workers": _POSITIVE,
    "max_queue": _POSITIVE,
    "max_batch": _POSITIVE,
    "max_body": _POSITIVE,
}


def check_numbers(caller: str, **numbers: int) -> None:
    """Raise a ValueError that names the parameter if one is no integer in its range."""
    validate_parameter_constraints({name: _RANGES[name] for name in numbers}, numbers, caller)
