"""More rows than one process wants to train on.

Each part can be run alone.
"""

from ._ranks import ranks

PARTS = {"ranks": ranks}


def run(folder):
    """Measure all `PARTS`.

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
    for part in PARTS.values():
        yield from part(folder)
