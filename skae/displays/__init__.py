"""Pictures of fitted estimators, in scikit-learn's convention of displays.

They need matplotlib: ``pip install "skae[plot]"``.
"""

from ._latent_space import LatentSpaceDisplay
from ._loss_curve import LossCurveDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = [
    "LatentSpaceDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
