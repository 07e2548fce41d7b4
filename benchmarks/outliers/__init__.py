"""Outlier detectors beside one another, on labelled sets.

No detector sees a label; they only tell how well it ranks.
"""

from ._accuracy import per_set, spread, summary
from ._calibration import calibration
from ._detectors import DETECTORS
from ._fit_time import fit_time
from ._protocol import PROTOCOLS, load
from ._runs import results

# PyOD's VAE draws, too, but takes long.
DRAW = ("skae", "IsolationForest", "PyOD AutoEncoder")


def run(folder):
    """Measure ranking, fit time and, for skae, calibration.

    Parameters
    ----------
    folder : Path
        Its subfolder ``outliers`` holds one file per set.

    Yields
    ------
    table : DataFrame
        One after the other.
    """
    sets = load(folder)
    measured = results(sets, DETECTORS)
    yield summary(measured)
    for protocol in PROTOCOLS:
        yield per_set(measured, protocol)
    drawn = {name: make for name, make in DETECTORS.items() if name in DRAW}
    yield spread(results(sets, drawn, resplit=False))
    yield fit_time(DETECTORS)
    yield calibration(measured)
