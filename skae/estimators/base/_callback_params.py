"""Callbacks as parameters: set by name, and given the held-out rows that they need."""

from typing import Any, Self

from skae._compat import BaseEstimator
from skae.engine import held_out_need, named_callbacks, with_callback_params

from ._held_out_rows import chooses_rows
from ._parameters import AutoencoderParameters

_PREFIX = "callbacks__"


class CallbackParams(AutoencoderParameters, BaseEstimator):
    """Parameters of callbacks by ``callbacks__name__parameter``, as skorch has them."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include those of the network and of the callbacks. A callback without a
            name of its own has that of its class.

        Returns
        -------
        params : dict
            By name.
        """
        params = super().get_params(deep=deep)
        if deep:
            for name, callback in self._named_callbacks():
                params[_PREFIX + name] = callback
                if hasattr(callback, "get_params") and not isinstance(callback, type):
                    # No deeper: a callback may hold the estimator that it is a parameter of.
                    of_callback = callback.get_params(deep=False)
                    params |= {f"{_PREFIX}{name}__{key}": v for key, v in of_callback.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, of its network and of its callbacks.

        Parameters
        ----------
        **params : dict
            Parameters by name. ``callbacks__name__parameter`` sets a parameter of a callback,
            ``callbacks__name`` replaces the callback; None switches it off.

        Returns
        -------
        self : object
            The estimator.
        """
        of_callbacks = {
            name.removeprefix(_PREFIX): params.pop(name)
            for name in [*params]
            if name.startswith(_PREFIX)
        }
        super().set_params(**params)
        if of_callbacks:
            self.callbacks = with_callback_params(self.callbacks, of_callbacks)
        return self

    def _named_callbacks(self) -> list[tuple[str, Any]]:
        return named_callbacks(self.callbacks) if isinstance(self.callbacks, list) else []

    def _early_stopping(self) -> bool | str:
        """Return whether to hold rows out: a callback that needs them decides for "auto"."""
        need = self._held_out_need()
        if need is None:
            return self.early_stopping
        if not self.early_stopping:
            raise ValueError(
                f"{need} needs held-out rows, but early_stopping=False holds out none. Set "
                f"early_stopping to True or 'auto', or let the callback look at training rows."
            )
        return True

    def _check_no_held_out_need(self) -> None:
        need = self._held_out_need()
        if need is not None:
            raise ValueError(
                f"{need} needs held-out rows, and partial_fit holds out none. Let the callback "
                f"look at training rows, or take it out of callbacks."
            )
        if chooses_rows(self.validation_fraction):
            raise ValueError(
                f"validation_fraction={self.validation_fraction!r} chooses held-out rows, and "
                f"partial_fit holds out none. Set validation_fraction to a number, which "
                f"partial_fit ignores, or call fit."
            )

    def _held_out_need(self) -> str | None:
        """Return which callback needs held-out rows, with its parameter that says so, or None."""
        for name, callback in self._named_callbacks():
            if (parameter := held_out_need(callback)) is not None:
                return f"The callback {name!r} with {parameter}"
        return None
