"""Tables as people have them: gaps, columns of several types, and counts.

Each part can be run alone.
"""

from . import counts
from ._category_gaps import category_gaps
from ._gaps import dependent_gaps, gaps
from ._mixed import mixed
from ._outliers import outliers
from ._several_imputations import intervals, pooled_regressions
from ._speed import speed

PARTS = {
    "gaps": gaps,
    "dependent-gaps": dependent_gaps,
    "category-gaps": category_gaps,
    "intervals": intervals,
    "pooled": pooled_regressions,
    "mixed": mixed,
    "outliers": outliers,
    "counts": counts.run,
    "mixed-speed": speed,
}


def run(folder):
    """Measure all `PARTS`.

    Parameters
    ----------
    folder : Path
        Its subfolder ``outliers`` holds one file per set, which are used without their labels.

    Yields
    ------
    table : DataFrame
        One after the other.
    """
    for part in PARTS.values():
        yield from part(folder)
