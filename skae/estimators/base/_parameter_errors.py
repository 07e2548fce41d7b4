"""Suggestions in errors about parameters."""

from numbers import Real
from typing import Any

from torch import optim

from skae._compat import HintedErrors, StrOptions, parameter_constraints
from skae.networks import did_you_mean


class ParameterErrorsMixin(HintedErrors):
    """Adds a suggestion to scikit-learn's error about a parameter that it refuses."""

    def _parameter_hint(self, name: str) -> str:
        return _hint(name, getattr(self, name), parameter_constraints(self)[name])


def _hint(name: str, value: Any, constraints: list[Any]) -> str:
    """Return a sentence about a refused value, with a space before it, or nothing."""
    if name == "learning_rate" and isinstance(value, Real):
        return " It is a schedule; the rate itself is learning_rate_init."
    if isinstance(value, optim.Optimizer):
        return f" Give the class, torch.optim.{type(value).__name__}; training makes one of it."
    if name == "network":
        return (
            " Give a description of a network, such as skae.networks.ConvolutionalNetwork() or a "
            "subclass of skae.networks.Network whose methods make your torch modules."
        )
    classes = tuple(one for one in constraints if isinstance(one, type))
    if isinstance(value, type) and issubclass(value, classes):
        return f" Write {value.__name__}(), with its parameters between the parentheses."
    names = [one.options for one in constraints if isinstance(one, StrOptions)]
    return did_you_mean(value, sorted(set().union(*names)))
