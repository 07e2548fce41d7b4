"""Estimators and pipelines from files of either kind."""

from skae._extras import require

from ._model_file import load
from ._registry import TRUSTED_TYPES


def load_estimator(path):
    """Load an estimator of skae, or a pipeline around one; neither file runs what it holds.

    Parameters
    ----------
    path : Path
        A file of ``skops.io.dump`` if its name ends in ``.skops``, else one of :func:`save`.

    Returns
    -------
    estimator : estimator
        Fitted.

    Raises
    ------
    ModelFileError
        If it is none of :func:`save`.
    ImportError
        If it needs skops, which is not installed.
    UntrustedTypesFoundException
        If skops finds classes in it that are neither skae's nor safe.
    """
    if path.suffix == ".skops":
        return require("skops.io", "cli").load(path, trusted=TRUSTED_TYPES)
    return load(path)
