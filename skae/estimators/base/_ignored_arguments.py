"""Warnings about arguments that a fit ignores."""

import inspect
from typing import Any

import numpy as np

from skae._warnings import warn_caller

from ._pairs import says_what_rows_become

# Parameters of the dense network, which `network` replaces.
_OF_DENSE_NETWORK = ("hidden_layer_sizes", "activation", "dropout", "normalization")


def warn_of_ignored_parameters(estimator: Any) -> None:
    """Warn if parameters of the dense network were changed and another network is given."""
    network = getattr(estimator, "network", None)
    if network is None:
        return
    parameters = inspect.signature(type(estimator)).parameters
    changed = {
        name: getattr(estimator, name)
        for name in _OF_DENSE_NETWORK
        if name in parameters and _differ(getattr(estimator, name), parameters[name].default)
    }
    if not changed:
        return
    fields = network.get_params()
    own = ", ".join(f"network__{name}" for name in changed if name in fields)
    absent = ", ".join(name for name in changed if name not in fields)
    cure = f" Set {own}." if own else ""
    if absent:
        cure += f" {type(network).__name__} has no {absent}: leave it out."
    warn_caller(
        f"{', '.join(f'{name}={value!r}' for name, value in changed.items())} is ignored: it "
        f"describes the dense network, and network={network!r} takes its place.{cure}"
    )


def warn_of_ignored_device(device: Any, autoencoder: Any) -> None:
    """Warn if a device is given beside an autoencoder that trains on another one."""
    if str(device) not in ("cpu", str(autoencoder.device)):
        warn_caller(
            f"device={str(device)!r} is ignored: it is for the default autoencoder, and the one "
            f"that is given has device={str(autoencoder.device)!r}. Set autoencoder__device."
        )


def _differ(value: Any, default: Any) -> bool:
    return not np.array_equal(np.asarray(value), np.asarray(default))


def warn_of_ignored_target(X: Any, y: Any) -> None:
    """Warn if `y` looks like targets of the reconstruction."""
    if says_what_rows_become(X, y):
        warn_caller(
            "y has the shape of X and is ignored: this estimator learns from X alone. "
            "DenoisingAutoencoder learns from pairs: its fit(X, y) trains from noisy rows X to "
            "clean rows y. If y is for a later step, nothing is wrong."
        )
