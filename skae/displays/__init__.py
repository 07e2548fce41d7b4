"""Pictures of fitted estimators, in scikit-learn's convention of displays.

They need matplotlib: ``pip install "skae[plot]"``.
"""

from ._bottleneck import BottleneckDisplay
from ._components import ComponentsDisplay
from ._latent_space import LatentSpaceDisplay
from ._latent_traversal import LatentTraversalDisplay
from ._loss_curve import LossCurveDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = [
    "BottleneckDisplay",
    "ComponentsDisplay",
    "LatentSpaceDisplay",
    "LatentTraversalDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
