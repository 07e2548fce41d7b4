"""A device in name only: its tensors lie in memory of the CPU, but mix with none of the CPU's."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

_aten = torch.ops.aten
# They take indices of the CPU, too: copies of them go to the device.
_INDEXED = {_aten.index.Tensor, _aten.index_put_.default}


class _OnDevice(torch.Tensor):
    """A tensor that says it is on the device."""

    @staticmethod
    def __new__(cls, data, device):
        return torch.Tensor._make_wrapper_subclass(
            cls, data.shape, strides=data.stride(), dtype=data.dtype, device=device
        )

    def __init__(self, data, device):
        self.data_on_cpu = data

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise AssertionError(f"{func} runs outside of the context of the device")


class DeviceInName(TorchDispatchMode):
    """Context in which there is a device, as whose kernels those of the CPU compute.

    Operations on tensors of the device and of the CPU together raise, as on a GPU, unless those of
    the CPU are single numbers. `sent` and `fetched` hold the shapes of the tensors that were copied
    to it and back, `dtypes` those of all tensors that operations left there. `n_kernels` counts the
    operations that computed something there.
    """

    device = torch.device("meta")

    def __init__(self):
        super().__init__()
        self.sent, self.fetched, self.dtypes = [], [], set()
        self.n_kernels = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _aten._has_compatible_shallow_copy_type.default:
            return False
        kwargs = dict(kwargs or {})
        # In inference mode operations come whole: their parts are what kernels compute.
        with self:
            answer = func.decompose(*args, **kwargs)
        if answer is not NotImplemented:
            return answer
        tensors = _tensors_of((args, kwargs))
        there = [one for one in tensors if isinstance(one, _OnDevice)]
        own = {id(one.data_on_cpu): one for one in there}
        plain_args, plain_kwargs = tree_map_only(
            _OnDevice, lambda one: one.data_on_cpu, (args, kwargs)
        )
        if func is _aten.copy_.default:
            target, source = args[:2]
            self._note(source, isinstance(target, _OnDevice))
            func(*plain_args, **plain_kwargs)
            return target
        to_device = bool(there)
        if kwargs.get("device") is not None:
            to_device = kwargs["device"] == self.device
            plain_kwargs["device"] = torch.device("cpu")
            if func is _aten._to_copy.default:
                self._note(args[0], to_device)
        elif there:
            self._check(func, tensors)
            if func is _aten._local_scalar_dense.default:
                self.fetched.append(())
        answer = func(*plain_args, **plain_kwargs)
        if not to_device:
            return answer
        self.dtypes |= {one.dtype for one in _tensors_of(answer)}
        self.n_kernels += not func.is_view
        # What is written in place is the tensor that was given.
        return tree_map_only(
            torch.Tensor,
            lambda one: own[id(one)] if id(one) in own else _OnDevice(one, self.device),
            answer,
        )

    def _note(self, source, to_device):
        if isinstance(source, _OnDevice) != to_device:
            (self.sent if to_device else self.fetched).append(tuple(source.shape))

    def _check(self, func, tensors):
        strangers = [one for one in tensors if not isinstance(one, _OnDevice) and one.dim()]
        if func in _INDEXED:
            self.sent += [tuple(one.shape) for one in strangers]
            strangers = [one for one in strangers if one.is_floating_point()]
        if strangers:
            raise RuntimeError(f"{func} of tensors on {self.device} and on the CPU")


def _tensors_of(tree):
    found = []
    tree_map_only(torch.Tensor, found.append, tree)
    return found
