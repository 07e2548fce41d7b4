"""Packages that only some tools need."""

from importlib import import_module


def require(module, extra):
    """Import a package of an extra.

    Parameters
    ----------
    module : str
        Its name.
    extra : str
        The extra of skae that installs it.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed for this and cannot be imported ({error}). Install it with "
            f'pip install "skae[{extra}]".'
        ) from error
