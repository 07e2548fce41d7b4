"""Settings that torch shares between threads, replaced while one of them needs other values."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import torch


class DefaultDtype:
    """The floating point type of new tensors, float32 while it is replaced."""

    accepted = (torch.float32,)
    get = staticmethod(torch.get_default_dtype)
    set = restore = staticmethod(torch.set_default_dtype)


class CudnnEnabled:
    """The setting whether cuDNN is used; off while replaced."""

    accepted = (False,)

    @staticmethod
    def get() -> bool:
        """Return the setting."""
        return torch.backends.cudnn.enabled

    @staticmethod
    def set(value: bool) -> None:
        """Change the setting."""
        torch.backends.cudnn.enabled = value

    restore = set


class Float32Products:
    """The number of bits that float32 products of one backend keep of their operands.

    `backend` holds the setting for one kind of product, as ``torch.backends.mkldnn.matmul``,
    `parent` that for all products of the backend. Values in `accepted` may stay; any other one is
    replaced by the first of these.
    """

    def __init__(self, backend: Any, parent: Any, accepted: tuple[str, ...]):
        self.accepted = accepted
        self._backend, self._parent = backend, parent

    def get(self) -> str:
        """Return the setting, maybe that of the backend or of all of torch, which it follows."""
        return self._backend.fp32_precision

    def set(self, value: str) -> None:
        """Change the setting."""
        self._backend.fp32_precision = value

    def restore(self, value: str) -> None:
        """Put a setting back; one that followed another goes on following it.

        Settings of cuDNN that the older one has put back do not: torch cannot tell these apart.
        """
        if self.get() == value:
            # The older setting of cuDNN has put it back.
            return
        whole: Any = torch.backends
        followed = self._parent.fp32_precision, whole.fp32_precision
        self.set("none" if value in followed else value)


class CudnnAllowTf32:
    """The older setting whether cuDNN shortens operands; off while replaced.

    ``torch.export`` reads it, and fails where it and the newer settings differ. None stands for
    that difference: a caller made it, and the settings stay as they are.
    """

    accepted = (False, None)

    @staticmethod
    def get() -> bool | None:
        """Return the setting."""
        try:
            return torch.backends.cudnn.allow_tf32
        except RuntimeError:
            return None

    @staticmethod
    def set(value: bool) -> None:
        """Change the setting, and with it the newer ones of cuDNN."""
        torch.backends.cudnn.allow_tf32 = value

    restore = set


# Torch's types do not know what its backends hold.
_cudnn: Any = torch.backends.cudnn

# Modules that hold the precision of products on a GPU, each with that for the whole backend.
PRODUCTS_OF_GPUS: list[tuple[Any, Any]] = [
    (torch.backends.cuda.matmul, _cudnn),
    (_cudnn.conv, _cudnn),
    (_cudnn.rnn, _cudnn),
]


class ProcessSettings:
    """Replaces settings for as long as any thread is inside.

    The first thread to enter remembers the caller's values, the last one to leave puts them
    back. Each setting has `get`, `set`, `restore` and `accepted`, the values that need no
    replacing; any other one is replaced by the first of these.
    """

    def __init__(self, settings: Sequence[Any]):
        self._settings = settings
        self._lock = Lock()
        self._n_users = 0
        self._before: list[tuple[Any, Any]] = []

    def __enter__(self) -> "ProcessSettings":
        with self._lock:
            if self._n_users == 0:
                found = [(setting, setting.get()) for setting in self._settings]
                self._before = [(one, value) for one, value in found if value not in one.accepted]
                for setting, _ in self._before:
                    setting.set(setting.accepted[0])
            self._n_users += 1
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                for setting, value in self._before:
                    setting.restore(value)
