"""Objects from the content of a file, once that was checked against annotations."""

from collections.abc import Callable
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch.overrides import TorchFunctionMode

from skae._compat import validate_params
from skae.engine import resolve_device
from skae.estimators.base import NOT_REMEMBERED

from ._errors import ModelFileError, errors_of, refuse
from ._registry import check_consistency, parameters_of
from ._tree import Stored

# Budget for rebuilding networks, in values that torch makes and in its calls: a fixed allowance,
# plus some for each byte of the file, for weights and what is needed on the way.
_VALUES, _VALUES_PER_BYTE = 2**22, 4
_CALLS, _CALLS_PER_BYTE = 2000, 1 / 8


def build(stored: Stored, n_bytes: int, device: str | torch.device | None) -> BaseEstimator:
    """Return the estimator that `check_fitted` has let pass, or raise ModelFileError.

    Its networks cannot be larger than a file of `n_bytes` holds. They are put on the device, or
    where they were if it is None.
    """
    device = None if device is None else resolve_device(device)
    with errors_of("it holds no valid model"), _Bounded(n_bytes):
        estimator = _made(stored, device)
        check_is_fitted(estimator)
    return estimator


def _made(value: Any, device: torch.device | None) -> Any:
    """Return a value with an object in the place of everything `Stored`."""
    if isinstance(value, list | tuple):
        return type(value)(_made(item, device) for item in value)
    if isinstance(value, dict):
        return {key: _made(item, device) for key, item in value.items()}
    if not isinstance(value, Stored):
        return value
    if value.cls is FrozenEstimator:
        return FrozenEstimator(_made(value.state["estimator"], device))
    made: Any = object.__new__(value.cls)
    state = _made(value.state, device)
    if isinstance(made, BaseEstimator):
        _fill_estimator(made, state, device)
    else:
        vars(made).update(state)
    check_consistency(made)
    return made


def _fill_estimator(estimator: Any, state: dict[str, Any], device: torch.device | None) -> None:
    """Give an estimator its attributes, once the parameters are valid."""
    cls: Any = type(estimator)
    defaults = parameters_of(cls)
    state = defaults | state
    if state.get("callbacks") is not None:
        refuse(f"{cls.__name__}.callbacks", state["callbacks"], "None")
    validate_params(cls(**{name: state[name] for name in defaults}))
    if "_fitted_params" in state:
        fitted = state["_fitted_params"]
        validate_params(cls(**(defaults | fitted)))
        # The parameters that did not exist when the file was written.
        added = defaults.keys() - fitted.keys() - {*NOT_REMEMBERED}
        fitted |= {name: defaults[name] for name in defaults if name in added}
        if device is not None:
            fitted["device"] = str(device)
    if device is not None and "device" in state:
        state["device"] = str(device)
    if device is not None and "net_" in state:
        # The state keeps the device where the net was: generators of noise do not carry over.
        estimator._restore(state, device)
    else:
        estimator.__setstate__(state)
    if "net_" in state:
        for optimizer in estimator.net_.optimizers():
            _check_moments(optimizer)


def _check_moments(optimizer: torch.optim.Optimizer) -> None:
    """Compare the moments of parameters with those that a step of the same kind of optimizer makes.

    Torch does not compare them, and its next step would fail.
    """
    group = optimizer.param_groups[0]
    probe = torch.zeros_like(group["params"][0].flatten()[:1], requires_grad=True)
    probe.grad = torch.zeros_like(probe)
    kind: Any = type(optimizer)
    other = kind([{**group, "params": [probe]}])
    other.step()
    expected = other.state[probe]
    for parameter, moments in optimizer.state.items():
        if not isinstance(parameter, torch.Tensor) or moments.keys() != expected.keys():
            raise ModelFileError("its optimizer is of another network or kind")
        for name, moment in moments.items():
            is_count = expected[name].ndim == 0
            form = torch.Size() if is_count else parameter.shape, expected[name].dtype
            if (moment.shape, moment.dtype) != form or (is_count and not moment >= 0):
                raise ModelFileError(f"its optimizer is of another network: {name!r} differs")


class _Bounded(TorchFunctionMode):
    """Raises once torch has made more values, or was called more often, than the budget allows."""

    def __init__(self, n_bytes: int) -> None:
        super().__init__()
        self._values: float = _VALUES + _VALUES_PER_BYTE * n_bytes
        self._calls = _CALLS + _CALLS_PER_BYTE * n_bytes

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Return the result of one of torch's functions, and count the values that it made."""
        result = func(*args, **(kwargs or {}))
        self._calls -= 1
        if _is_new(func, result):
            self._values -= result.numel()
        if min(self._values, self._calls) < 0:
            raise ModelFileError("its parameters describe a larger network than it holds")
        return result


def _is_new(func: Callable, result: Any) -> bool:
    """Return whether a function made a tensor with memory of its own."""
    if not isinstance(result, torch.Tensor) or func.__name__.endswith("_"):
        return False
    return result._base is None and result.device.type != "meta"
