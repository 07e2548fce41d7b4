"""The one error of model files."""


class ModelFileError(ValueError):
    """A file is no model file, was altered, or was written by a later version.

    See Also
    --------
    load : Raises it.
    """
