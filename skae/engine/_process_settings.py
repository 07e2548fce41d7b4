"""Settings that torch has once for all threads, while some of them need other values."""

from threading import Lock

import torch


class DefaultDtype:
    """The floating point type of new tensors, float32 while it is replaced."""

    accepted = (torch.float32,)
    get = staticmethod(torch.get_default_dtype)
    set = staticmethod(torch.set_default_dtype)


class CudnnEnabled:
    """Whether cuDNN is used, not while it is replaced."""

    accepted = (False,)

    @staticmethod
    def get():
        """Return the setting."""
        return torch.backends.cudnn.enabled

    @staticmethod
    def set(value):
        """Change the setting."""
        torch.backends.cudnn.enabled = value


class Float32Products:
    """The number of bits that float32 products of one backend keep of their operands.

    Parameters
    ----------
    backend : module
        Holds the setting for one kind of product, as ``torch.backends.mkldnn.matmul``.
    accepted : tuple of str
        Values that may stay; any other one is replaced by the first of these.
    """

    def __init__(self, backend, accepted):
        self.accepted = accepted
        self._backend = backend

    def get(self):
        """Return the setting; "none" if it follows the one for all of torch."""
        found = self._backend.fp32_precision
        return "none" if found == torch.backends.fp32_precision else found

    def set(self, value):
        """Change the setting."""
        self._backend.fp32_precision = value


class ProcessSettings:
    """Replaces settings for as long as any thread is inside.

    The first thread to enter remembers the caller's values, the last one to leave puts them
    back.

    Parameters
    ----------
    settings : list
        Each has `get`, `set` and `accepted`, the values that need no replacing. Any other one
        is replaced by the first of these.
    """

    def __init__(self, settings):
        self._settings = settings
        self._lock = Lock()
        self._n_users = 0
        self._before = []

    def __enter__(self):
        with self._lock:
            if self._n_users == 0:
                found = [(setting, setting.get()) for setting in self._settings]
                self._before = [(one, value) for one, value in found if value not in one.accepted]
                for setting, _ in self._before:
                    setting.set(setting.accepted[0])
            self._n_users += 1
        return self

    def __exit__(self, *error):
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                for setting, value in self._before:
                    setting.set(value)
