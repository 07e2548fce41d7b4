"""Fitted models in production: files, graphs, a server."""

from ._files import files
from ._latency import latency
from ._model import fitted_model
from ._serving import serving


def run(folder):
    """Measure model files, one row at a time, and requests a second.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is; without it, random numbers of the same shape are used, which
        take the same time.

    Yields
    ------
    table : DataFrame
        One after the other.
    """
    model, X = fitted_model(folder)
    yield files(model)
    yield latency(model, X)
    yield serving(model)
