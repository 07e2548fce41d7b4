"""What each variant is for, beside the same network without it, on MNIST.

One file measures one thing; each of its functions returns a table.
"""

from benchmarks._data import load_mnist

from ._compression import deep_codes
from ._contractive import contraction
from ._convolutional import convolution, signals
from ._denoising import denoising
from ._generation import adversary, generation
from ._likelihood import binarised, factor_model
from ._nested import nested
from ._sparse import sparse


def run(folder):
    """Measure every variant against its own control.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is.

    Yields
    ------
    results : DataFrame
        One table after the other.
    """
    X_train, X_test = load_mnist(folder)
    yield factor_model()
    yield signals()
    for measure in (
        denoising,
        sparse,
        contraction,
        nested,
        adversary,
        generation,
        binarised,
        convolution,
        deep_codes,
    ):
        yield measure(X_train, X_test)
