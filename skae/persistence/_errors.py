"""The one error of model files."""


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
