"""The rows of a fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skae.tables import CallerType, TargetRows


@dataclass
class FitRows:
    """Validated rows to train on, those of weight zero left out.

    `weight` is None, or one number for each row, with a mean of one. `caller` describes the table
    that the rows come from. `target` is what the decoder should answer; None is the rows
    themselves.
    """

    X: Any
    weight: Any
    caller: CallerType
    target: TargetRows | None = None
    # Indices of classes that the decoder sees, -1 for rows without one.
    classes: np.ndarray | None = None

    def __len__(self) -> int:
        return self.X.shape[0]
