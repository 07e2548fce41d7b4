"""Objects made of what a file says, once all of that was checked."""

from dataclasses import is_dataclass

import torch
from sklearn.base import BaseEstimator
from torch.overrides import TorchFunctionMode

from skae.engine import resolve_device
from skae.estimators.base import NOT_REMEMBERED

from ._errors import ModelFileError
from ._registry import CLASSES
from ._schema import defaults_of
from ._tree import Stored

# So many values, and calls of torch's, any network may be made with, and so many more for each byte
# of the file: its weights, and what is needed on the way.
_VALUES, _VALUES_PER_BYTE = 2**22, 4
_CALLS, _CALLS_PER_BYTE = 2000, 1 / 8


def build(stored, n_bytes, device=None):
    """Return a fitted estimator.

    Parameters
    ----------
    stored : Stored
        What `check_fitted` has checked.
    n_bytes : int
        What the file holds; the networks that are made cannot be larger.
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
    device = None if device is None else resolve_device(device)
    try:
        with _Bounded(n_bytes):
            return _made(stored, device)
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
        return _made_estimator(value.name, state, device)
    if is_dataclass(cls) and hasattr(cls, "for_rows"):
        return cls(**state)
    part = cls.__new__(cls)
    vars(part).update(state)
    return part


def _made_estimator(name, state, device):
    cls, defaults = CLASSES[name], defaults_of(name)
    state = defaults | state
    _validate(cls, state)
    if "_fitted_params" in state:
        remembered = {k: v for k, v in defaults.items() if k not in NOT_REMEMBERED}
        fitted = state["_fitted_params"]
        fitted |= {k: v for k, v in remembered.items() if k not in fitted}
        _validate(cls, defaults | fitted)
        if device is not None:
            fitted["device"] = str(device)
    if device is not None and "device" in state:
        state["device"] = str(device)
    estimator = cls.__new__(cls)
    if device is not None and "net_" in state:
        # Where the net was stays in its state: the noise of one device is none of another's.
        estimator._restore_on(device, state)
    else:
        estimator.__setstate__(state)
    for optimizer in estimator.net_.optimizers() if "net_" in state else ():
        _check_moments(optimizer)
    return estimator


def _check_moments(optimizer):
    """Compare what an optimizer remembers of each parameter with the parameter.

    Torch does not. The optimizers that files hold remember numbers, and arrays of its shape.
    """
    for parameter, moments in optimizer.state.items():
        shapes = {(), tuple(getattr(parameter, "shape", ()))}
        if any(tuple(moment.shape) not in shapes for moment in moments.values()):
            raise ModelFileError("its optimizer is of another network")


def _validate(cls, state):
    unfitted = cls(**{name: state[name] for name in cls._get_param_names()})
    if hasattr(cls, "_parameter_constraints"):
        unfitted._validate_params()


class _Bounded(TorchFunctionMode):
    """Refuse to go on when more is made than there can be in the file, before it is filled."""

    def __init__(self, n_bytes):
        super().__init__()
        self._values = _VALUES + _VALUES_PER_BYTE * n_bytes
        self._calls = _CALLS + _CALLS_PER_BYTE * n_bytes

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call one of torch's functions, and count what it makes."""
        result = func(*args, **(kwargs or {}))
        self._calls -= 1
        if _is_new(func, result):
            self._values -= result.numel()
        if min(self._values, self._calls) < 0:
            raise ModelFileError("its parameters describe a larger network than it holds")
        return result


def _is_new(func, result):
    """Whether a function made a tensor with memory of its own."""
    if not isinstance(result, torch.Tensor) or func.__name__.endswith("_"):
        return False
    return result._base is None and result.device.type != "meta"
