"""Labels as users give them, some of which are missing, and as a head answers them."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight

from skae._typing import ArrayOf
from skae.estimators.base import class_indices, classes_of, label_column
from skae.tables import check_mask, detached


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


def read_classes(
    y: Any, class_weight: Any, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, KnownLabels]:
    """Return the classes without -1, and the labels of rows."""
    labels = label_column(_given(y), warn=True)
    classes = classes_of(labels)
    index = class_indices(labels, classes)
    known = index >= 0
    answers = np.zeros((len(index), len(classes)))
    answers[np.flatnonzero(known), index[known]] = 1.0
    of_classes = np.zeros(len(index))
    of_classes[known] = compute_sample_weight(class_weight, classes[index[known]])
    if not (np.isfinite(of_classes) & (of_classes >= 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} holds a weight that is negative or not finite. A class "
            f"counts as many times as its weight says: give numbers of at least 0."
        )
    return classes, KnownLabels(answers, known, _counted(known, of_classes, sample_weight))


def read_numbers(
    y: Any, sample_weight: np.ndarray | None
) -> tuple[NumberScale, KnownLabels, np.ndarray]:
    """Return the scale of the numbers, the labels of rows, and the numbers as they were given."""
    given, known = known_numbers(_given(y))
    if not known.any():
        raise ValueError(
            "y has no label: all rows are NaN, as rows without one are, or have a sample_weight of "
            "zero."
        )
    numbers = given.reshape(len(given), -1)
    weight = _counted(known, np.ones(len(numbers)), sample_weight)
    share = weight / weight.sum()
    numbers = np.where(known[:, None], numbers, 0.0)
    mean = share @ numbers
    errors = np.where(known[:, None], numbers - mean, 0.0)
    # The squares of very large or small numbers are not in range.
    largest = np.abs(errors).max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    errors /= largest
    deviation = np.sqrt(share @ np.square(errors))
    deviation = np.where(deviation > 0, deviation, 1.0)
    scale = NumberScale(mean, deviation * largest, given.ndim == 1)
    return scale, KnownLabels(errors / deviation, known, weight), given


def known_numbers(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of rows, of one or two dimensions, and a mask of the rows that have some.

    Rows without a label are NaN.
    """
    check_mask(y, "y", "Rows without a label are NaN: y.astype(float).filled(numpy.nan)")
    try:
        numbers = check_array(
            detached(y),
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite="allow-nan",
            input_name="y",
        )
    except (TypeError, ValueError) as error:
        if "convert" not in str(error) and "real number" not in str(error):
            raise
        raise ValueError(
            f"y holds something that is no number: {error}. A regressor takes numbers; for classes "
            f"use AutoencoderClassifier."
        ) from error
    missing = np.isnan(numbers.reshape(len(numbers), -1))
    known = ~missing.all(axis=1)
    partial = np.flatnonzero(known & missing.any(axis=1))
    if len(partial):
        raise ValueError(
            f"y lacks some of the numbers of row {partial[0]}, counted from 0. A row has all of "
            f"them, or NaN in place of all if it has no label."
        )
    return numbers, known


def _given(y: Any) -> Any:
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None. An autoencoder "
            "alone learns without labels."
        )
    return y


def _counted(known: np.ndarray, weight: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return weights of labels, zero in rows without one."""
    weight = np.where(known, weight if sample_weight is None else weight * sample_weight, 0.0)
    if not weight.any():
        raise ValueError(
            "class_weight leaves no label with a weight above zero. Give a class some weight."
        )
    return weight
