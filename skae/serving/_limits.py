"""Ranges of the numbers that a server is started with."""

from numbers import Integral

from skae._compat import Interval, validate_parameter_constraints

_SOME = [Interval(Integral, 1, None, closed="left")]
_RANGES = {
    "port": [Interval(Integral, 0, 65535, closed="both")],
    "max_queue": _SOME,
    "max_batch": _SOME,
    "max_body": _SOME,
}


def check_numbers(caller, spelled=str, **numbers):
    """Refuse numbers out of their range.

    Parameters
    ----------
    caller : str
        Who is given them, for the error.
    spelled : callable, default=str
        How the caller spells the name of a number.
    **numbers : int
        What is given, by name.

    Raises
    ------
    ValueError
        If one of them is no integer of its range; it names the parameter, the value and the range.
    """
    ranges = {spelled(name): _RANGES[name] for name in numbers}
    given = {spelled(name): value for name, value in numbers.items()}
    validate_parameter_constraints(ranges, given, caller)
