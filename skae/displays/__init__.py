"""Pictures of fitted estimators, in scikit-learn's convention of displays.

They need matplotlib: ``pip install "skae[plot]"``.
"""

from ._bottleneck import BottleneckDisplay
from ._compared import ComparisonDisplay
from ._components import ComponentsDisplay
from ._drift import DriftDisplay
from ._latent_space import LatentSpaceDisplay
from ._latent_traversal import LatentTraversalDisplay
from ._loss_curve import LossCurveDisplay
from ._outliers import OutlierDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = [
    "BottleneckDisplay",
    "ComparisonDisplay",
    "ComponentsDisplay",
    "DriftDisplay",
    "LatentSpaceDisplay",
    "LatentTraversalDisplay",
    "LossCurveDisplay",
    "OutlierDisplay",
    "ReconstructionDisplay",
]
