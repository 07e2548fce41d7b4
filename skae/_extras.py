"""Libraries that come with an extra of the package."""

from importlib import import_module


def require(module, extra):
    """Import a library of an extra.

    Parameters
    ----------
    module : str
        What to import.
    extra : str
        The extra of the package that brings it.

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
            f"This needs {module}, which is not installed. Install it with: "
            f'pip install "skae[{extra}]"'
        ) from error
