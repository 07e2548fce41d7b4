"""What each parameter of the outlier detector may be."""

from numbers import Integral, Real

import torch

from skae._compat import Interval, RealNotInt, StrOptions
from skae.estimators.base import BaseAutoencoder

from ._row_distances import SCORES

_AT_LEAST_TWO = Interval(Integral, 2, None, closed="left")

DETECTOR_CONSTRAINTS = {
    "autoencoder": [BaseAutoencoder, None],
    "scoring": [StrOptions(set(SCORES))],
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "max_samples": [
        StrOptions({"auto"}),
        _AT_LEAST_TWO,
        Interval(RealNotInt, 0, 1, closed="right"),
    ],
    "cv": [_AT_LEAST_TWO],
    "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
    "device": [str, torch.device],
    "random_state": ["random_state"],
}
