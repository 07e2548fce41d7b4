"""Outlier detectors beside one another, on labelled sets and on made tables.

No detector sees a label; they only tell how well it ranks. Each part can be run alone.
"""

from .._data import labelled_sets
from . import _times
from ._accuracy import per_set, spread, summary
from ._calibration import calibration
from ._detectors import DETECTORS
from ._drift_rate import drift_rate
from ._made_calibration import automatic_threshold, made_calibration, made_promises
from ._made_results import cluster_results, cluster_summary, clusters_missed, kinds_results
from ._protocol import PROTOCOLS
from ._runs import results

# PyOD's VAE draws, too, but takes long.
DRAW = ("skae", "IsolationForest", "PyOD AutoEncoder")


def run(folder):
    """Measure all `PARTS`.

    Parameters
    ----------
    folder : Path
        Its subfolder ``outliers`` holds one file per set.

    Yields
    ------
    table : DataFrame
        One after the other.
    """
    for part in PARTS.values():
        yield from part(folder)


def _sets(folder):
    """Measure ranking and, for skae, calibration on the labelled sets."""
    measured = results(labelled_sets(folder), DETECTORS)
    yield summary(measured)
    for protocol in PROTOCOLS:
        yield per_set(measured, protocol)
    yield calibration(measured)


def _seeds(folder):
    """Measure how far the ranking moves with the seed of the detector."""
    drawn = {name: make for name, make in DETECTORS.items() if name in DRAW}
    yield spread(results(labelled_sets(folder), drawn, resplit=False))


def _clusters(folder):
    """Measure whether a cluster of outliers is found."""
    measured = cluster_results()
    yield cluster_summary(measured)
    yield clusters_missed(measured)


def _kinds(folder):
    """Measure whether legitimate kinds of rows are kept."""
    yield kinds_results()


def _promises(folder):
    """Measure p-values, selections and the automatic threshold on made tables."""
    measured = made_promises()
    yield made_calibration(measured)
    yield automatic_threshold(measured)


def _drift(folder):
    """Measure how often drift is found where there is none, and where there is."""
    yield drift_rate()


def _speed(folder):
    """Measure times and sizes on made tables, and the time that all sets take."""
    yield _times.fit_time()
    yield _times.scoring_time()
    yield _times.large_table()
    yield _times.one_row()
    yield _times.wide_table()
    yield _times.explanation()
    yield _times.likelihood()
    yield _times.all_sets(labelled_sets(folder))


PARTS = {
    "sets": _sets,
    "seeds": _seeds,
    "clusters": _clusters,
    "kinds": _kinds,
    "promises": _promises,
    "drift": _drift,
    "times": _speed,
}
