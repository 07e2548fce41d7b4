"""Packages that only some of the tools need."""

from importlib import import_module


def require(module, extra):
    """Import a module of an extra.

    Parameters
    ----------
    module : str
        What to import.
    extra : str
        The extra of skae that brings it.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {module.split('.')[0]}, which is not installed ({error}). Install it "
            f'with: pip install "skae[{extra}]"'
        ) from error
