"""Pictures of fitted estimators, in scikit-learn's convention of displays.

They need matplotlib: ``pip install "skae[plot]"``.
"""

from ._loss_curve import LossCurveDisplay

__all__ = [
    "LossCurveDisplay",
]
