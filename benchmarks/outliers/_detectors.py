"""The detectors that are compared, each as a sensible user would set it up.

All have their defaults. Those that depend on units and take rows as they are get them standardised
by the training rows; IsolationForest and ECOD do not depend on units, and skae and PyOD's networks
standardise by themselves.

MCD is scikit-learn's EllipticEnvelope. The half of the rows that it chooses may lack variance in
some direction, as with columns of many zeros. It then warns, and leaves that direction out of the
distance. It refuses no set.

CBLOF refuses rows whose eight clusters are too even to be told small from large. It then gets one
cluster more, and so on, as its message advises.
"""

from importlib.util import find_spec

from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae

from ._peers import DiffusionTime, FirstAccepted, Norm, PCAReconstruction

# What makes each of them, unfitted, given a seed and the number of training rows.
DETECTORS = {
    "skae": lambda seed, n: skae.AutoencoderOutlierDetector(random_state=seed),
    "IsolationForest": lambda seed, n: IsolationForest(random_state=seed),
    "LocalOutlierFactor": lambda seed, n: make_pipeline(
        StandardScaler(), LocalOutlierFactor(novelty=True)
    ),
    "PCA reconstruction": lambda seed, n: make_pipeline(StandardScaler(), PCAReconstruction()),
    "MCD": lambda seed, n: make_pipeline(StandardScaler(), EllipticEnvelope(random_state=seed)),
    "DTE-NP": lambda seed, n: make_pipeline(StandardScaler(), DiffusionTime()),
    "norm of z-scores": lambda seed, n: make_pipeline(StandardScaler(), Norm()),
}

if find_spec("pyod"):
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.cblof import CBLOF
    from pyod.models.ecod import ECOD
    from pyod.models.knn import KNN
    from pyod.models.vae import VAE

    def _network(kind, seed, n):
        # They crash where there are fewer rows than in a batch.
        return kind(batch_size=min(32, n), random_state=seed, device="cpu", verbose=0)

    def _cblof(seed):
        clusters = range(CBLOF().n_clusters, 2 * CBLOF().n_clusters)
        return FirstAccepted([CBLOF(n_clusters=n, random_state=seed) for n in clusters])

    DETECTORS |= {
        "PyOD kNN": lambda seed, n: make_pipeline(StandardScaler(), KNN()),
        "PyOD ECOD": lambda seed, n: ECOD(),
        "PyOD CBLOF": lambda seed, n: make_pipeline(StandardScaler(), _cblof(seed)),
        "PyOD AutoEncoder": lambda seed, n: _network(AutoEncoder, seed, n),
        "PyOD VAE": lambda seed, n: _network(VAE, seed, n),
    }
