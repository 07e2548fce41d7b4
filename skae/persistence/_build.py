"""Objects made of what a file says, once all of that was checked."""

from dataclasses import is_dataclass

import torch
from sklearn.base import BaseEstimator
from torch.overrides import TorchFunctionMode

from skae.engine import resolve_device

from ._errors import ModelFileError
from ._registry import CLASSES
from ._tree import Stored

# A network of any size may be made with so many values at once, and so many calls of torch's for
# each array in the file.
_VALUES, _CALLS = 2**22, 200


def build(stored, n_arrays, n_bytes, device=None):
    """Return a fitted estimator.

    Parameters
    ----------
    stored : Stored
        What `check_fitted` has checked.
    n_arrays, n_bytes : int
        What the file holds; the network that is made cannot be larger.
    device : str, torch.device or None
        Where the networks are to be; None is where they were.

    Returns
    -------
    estimator : estimator

    Raises
    ------
    ModelFileError
        If parameters or networks are not what they may be.
    """
    where = None if device is None else str(resolve_device(device))
    try:
        with _Bounded(n_bytes, n_arrays):
            return _made(stored, where)
    except ModelFileError:
        raise
    except Exception as error:
        raise ModelFileError(
            f"it holds no valid model ({type(error).__name__}: {error})"
        ) from error


def _made(value, device):
    """Return a value with an object in the place of everything `Stored`."""
    if isinstance(value, list | tuple):
        return type(value)(_made(item, device) for item in value)
    if isinstance(value, dict):
        return {key: _made(item, device) for key, item in value.items()}
    if not isinstance(value, Stored):
        return value
    cls, state = CLASSES[value.name], _made(value.state, device)
    if issubclass(cls, BaseEstimator):
        return _made_estimator(cls, state, device)
    if is_dataclass(cls) and hasattr(cls, "for_rows"):
        return cls(**state)
    part = cls.__new__(cls)
    vars(part).update(state)
    return part


def _made_estimator(cls, state, device):
    if device is not None and "device" in state:
        state["device"] = device
    _check_parameters(cls, state)
    if "_fitted_params" in state:
        if device is not None:
            state["_fitted_params"]["device"] = state["net_"]["device"] = device
        _check_parameters(cls, {"callbacks": None} | state["_fitted_params"])
    estimator = cls.__new__(cls)
    estimator.__setstate__(state)
    return estimator


def _check_parameters(cls, state):
    unfitted = cls(**{name: state[name] for name in cls._get_param_names()})
    if hasattr(cls, "_parameter_constraints"):
        unfitted._validate_params()


class _Bounded(TorchFunctionMode):
    """Refuse to go on when a tensor is larger than anything in the file, before it is filled."""

    def __init__(self, n_values, n_arrays):
        super().__init__()
        self._n_values = max(n_values, _VALUES)
        self._n_calls = _CALLS * n_arrays

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call one of torch's functions, and look at what it returns."""
        result = func(*args, **(kwargs or {}))
        self._n_calls -= 1
        large = isinstance(result, torch.Tensor) and result.numel() > self._n_values
        if (large and result.device.type != "meta") or self._n_calls < 0:
            raise ModelFileError("its parameters describe a larger network than it holds")
        return result
