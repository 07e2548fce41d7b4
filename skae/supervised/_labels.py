"""Labels as users give them, some of which are missing, and as a head answers them."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight

from skae._compat import num_samples
from skae._typing import ArrayOf
from skae.estimators.base import UNLABELLED, class_indices, classes_of
from skae.tables import detached


@dataclass(frozen=True)
class KnownLabels:
    """Answers of shape (n_samples, n_answers), and which rows have a label.

    Answers are probabilities of classes or scaled numbers, zero in rows without a label. `weight`
    is zero in these, and otherwise the weight of the row times that of its class.
    """

    answers: np.ndarray
    known: np.ndarray
    weight: np.ndarray

    @property
    def weight_of_mean_one(self) -> np.ndarray:
        """Weights with a mean of one over the rows with a label."""
        return self.weight * (self.known.sum() / self.weight.sum())


@dataclass(frozen=True)
class NumberScale:
    """Means and standard deviations of the numbers that a regressor was given."""

    mean: Annotated[np.ndarray, ArrayOf("float", "n_outputs")]
    deviation: Annotated[np.ndarray, ArrayOf("float", "n_outputs")]
    # Whether they came as one dimension.
    is_flat: bool


def has_class(y: Any) -> np.ndarray:
    """Return which rows are not marked by -1."""
    y = np.asarray(detached(y))
    if y.dtype.kind in "US":
        return np.ones(len(y), dtype=bool)
    return np.array([label != UNLABELLED for label in y.tolist()], dtype=bool)


def has_number(y: Any) -> np.ndarray:
    """Return which rows are not NaN, in all columns if there are several."""
    missing = pd.isna(np.asarray(detached(y)))
    return ~(missing if missing.ndim == 1 else missing.all(axis=1))


def read_classes(
    y: Any, class_weight: Any, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, KnownLabels]:
    """Return the classes without -1, and the labels of rows."""
    y = _given(y)
    classes = classes_of(y)
    index = class_indices(y, classes, num_samples(y))
    known = index >= 0
    answers = np.zeros((len(index), len(classes)))
    answers[np.flatnonzero(known), index[known]] = 1.0
    of_classes = np.zeros(len(index))
    of_classes[known] = compute_sample_weight(class_weight, classes[index[known]])
    return classes, KnownLabels(answers, known, _counted(known, of_classes, sample_weight))


def read_numbers(y: Any, sample_weight: np.ndarray | None) -> tuple[NumberScale, KnownLabels]:
    """Return the scale of the numbers, and the labels of rows."""
    numbers = check_array(
        _given(y), dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y"
    )
    is_flat = numbers.ndim == 1
    numbers = numbers.reshape(len(numbers), -1)
    missing = np.isnan(numbers)
    known = ~missing.all(axis=1)
    partial = np.flatnonzero(known & missing.any(axis=1))
    if len(partial):
        raise ValueError(
            f"y lacks some of the numbers of row {partial[0]}, counted from 0. A row has all of "
            f"them, or NaN in place of all if it has no label."
        )
    if not known.any():
        raise ValueError("y has no label: all rows are NaN, as rows without one are.")
    weight = _counted(known, np.ones(len(numbers)), sample_weight)
    share = weight / weight.sum()
    numbers = np.where(known[:, None], numbers, 0.0)
    mean = share @ numbers
    deviation = np.sqrt(share @ np.square(numbers - mean))
    deviation = np.where(deviation > 0, deviation, 1.0)
    answers = np.where(known[:, None], (numbers - mean) / deviation, 0.0)
    return NumberScale(mean, deviation, is_flat), KnownLabels(answers, known, weight)


def _given(y: Any) -> Any:
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None. An autoencoder "
            "alone learns without labels."
        )
    return detached(y)


def _counted(known: np.ndarray, weight: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return weights of labels, zero in rows without one."""
    weight = np.where(known, weight if sample_weight is None else weight * sample_weight, 0.0)
    if not weight.any():
        raise ValueError(
            "class_weight leaves no label with a weight above zero. Give a class some weight."
        )
    return weight
