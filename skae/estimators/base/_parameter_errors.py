"""Suggestions in errors about parameters."""

from numbers import Real
from typing import Any, Self

from torch import optim

from skae._compat import HintedErrors, StrOptions, parameter_constraints
from skae.networks import did_you_mean

# For parameters that may be None: what the fit uses then, and how to set parameters of that.
_NONE_IS = {
    "autoencoder": "the autoencoder that suits the table, which fit makes. Give "
    "an autoencoder to set its parameters, as in autoencoder=DenoisingAutoencoder()",
    "network": "the dense network, whose parameters are the estimator's own (hidden_layer_sizes, "
    "activation, dropout, normalization). Set these, or give a network",
}


class ParameterErrorsMixin(HintedErrors):
    """Says more than scikit-learn about a parameter that cannot be set or is refused."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, and of those that it has as parameters.

        Parameters
        ----------
        **params : dict
            Parameters by name, as ``network__dropout`` for one of a parameter's own.

        Returns
        -------
        self : object
            The estimator.
        """
        for name in params:
            outer, _, inner = name.partition("__")
            if inner and outer in _NONE_IS and params.get(outer, getattr(self, outer, 0)) is None:
                raise ValueError(f"{name} cannot be set: {outer}=None is {_NONE_IS[outer]}.")
        return super().set_params(**params)

    def _parameter_hint(self, name: str) -> str:
        return _hint(name, getattr(self, name), parameter_constraints(self)[name])


def _hint(name: str, value: Any, constraints: list[Any]) -> str:
    """Return a sentence about a refused value, with a space before it, or nothing."""
    if name == "learning_rate" and isinstance(value, Real):
        return " It is a schedule; the rate itself is learning_rate_init."
    if isinstance(value, optim.Optimizer):
        return f" Give the class, torch.optim.{type(value).__name__}; training makes one of it."
    classes = tuple(one for one in constraints if isinstance(one, type))
    if isinstance(value, type) and issubclass(value, classes):
        return f" Write {value.__name__}(), with its parameters between the parentheses."
    if name == "network":
        return (
            " Give a description of a network, such as skae.networks.ConvolutionalNetwork() or a "
            "subclass of skae.networks.Network whose methods make your torch modules."
        )
    names = [one.options for one in constraints if isinstance(one, StrOptions)]
    return did_you_mean(value, sorted(set().union(*names)))
