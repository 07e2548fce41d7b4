"""The one error of model files."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class ModelFileError(ValueError):
    """A file is no model file, was altered, or was written by a later version.

    See Also
    --------
    load : Raises it.

    Examples
    --------
    >>> import tempfile
    >>> import skae
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     skae.load(file.name)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ModelFileError: ...
    """


def refuse(where: str, value: Any, expected: str) -> NoReturn:
    """Raise the error for a value that cannot stand where it does."""
    shown = f"of shape {value.shape}, {value.dtype}" if hasattr(value, "shape") else f"{value!r}"
    raise ModelFileError(f"{where} is {shown:.80}, expected {expected}")


@contextmanager
def errors_of(what: str) -> Iterator[None]:
    """Turn any error into a ModelFileError about something: an altered file can raise them all."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:
        raise ModelFileError(f"{what} ({type(error).__name__}: {error})") from error
