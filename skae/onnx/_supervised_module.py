"""A fitted classifier or regressor as a torch module to export, and labels in its graph."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skae._extras import require
from skae.supervised import AutoencoderClassifier, AutoencoderRegressor

from ._autoencoder_modules import autoencoder_module, dtype_of
from ._column_nodes import Nodes

Supervised = AutoencoderClassifier | AutoencoderRegressor

# The answers of the head: their names for skl2onnx, as those of scikit-learn's predictors, and in
# graphs of this package.
LABELS = ("label", "prediction")
PROBABILITIES = ("probabilities", "probability")
NUMBERS = ("variable", "prediction")


class SupervisedModule(nn.Module):
    """Codes, reconstructions and answers of a fitted estimator, which stays as it is.

    `single` means the same as for an `AutoencoderModule`.
    """

    def __init__(self, estimator: Supervised, single: bool = False) -> None:
        super().__init__()
        self.autoencoder = autoencoder_module(estimator.autoencoder_, single)
        head = estimator._head.module()
        # That of the network, as in the estimator, unless ONNX Runtime lacks a layer in float64.
        in_double = self.autoencoder.dtype == torch.float64
        self.dtype = dtype_of(head) if in_double else torch.float32
        self.head = head.to(self.dtype)
        mean, deviation = np.zeros(1), np.ones(1)
        if isinstance(estimator, AutoencoderRegressor):
            mean, deviation = estimator._scale.mean, estimator._scale.deviation
        self.mean, self.deviation = (
            nn.Buffer(torch.tensor(mean)),
            nn.Buffer(torch.tensor(deviation)),
        )

    def codes(self, X: Tensor) -> Tensor:
        """Return the codes of rows, in their dtype."""
        return self.autoencoder.codes(X)

    def reconstruction(self, X: Tensor) -> Tensor:
        """Return rows that were encoded and decoded again, in the shape of `X`."""
        return self.autoencoder.reconstruction(X)

    def answers(self, X: Tensor) -> Tensor:
        """Return the logits of classes, or numbers in the unit of the data, in float64."""
        answers = self.head(self.autoencoder.codes(X).to(self.dtype))
        return answers.double() * self.deviation + self.mean


def is_of_head(output: str) -> bool:
    """Return whether an output is made of the answers of the head."""
    return output in LABELS + PROBABILITIES + NUMBERS


def usual_outputs(estimator: Supervised) -> list[str]:
    """Return the outputs for skl2onnx where no other is asked for."""
    is_classifier = isinstance(estimator, AutoencoderClassifier)
    return [LABELS[0], PROBABILITIES[0]] if is_classifier else [NUMBERS[0]]


def output_types(estimator: Supervised, real: Any) -> dict[str, Any]:
    """Return type and shape of each output of the head for skl2onnx; `real` is that of numbers."""
    types = require("skl2onnx.common.data_types", "onnx")
    numbers = real([None, estimator._n_answers])
    if isinstance(estimator, AutoencoderRegressor):
        return dict.fromkeys(NUMBERS, numbers)
    label = types.StringTensorType if _has_words(estimator) else types.Int64TensorType
    return dict.fromkeys(LABELS, label([None])) | dict.fromkeys(PROBABILITIES, numbers)


def output_of_head(
    nodes: Nodes, estimator: Supervised, output: str, answers: str, dtype: np.dtype
) -> str:
    """Return an output, given the answers of the head; numbers are of a dtype."""
    if isinstance(estimator, AutoencoderRegressor):
        return nodes.cast(answers, dtype)
    if output in PROBABILITIES:
        return nodes.cast(nodes.add("Softmax", answers, axis=1), dtype)
    classes = estimator.classes_.astype(object if _has_words(estimator) else np.int64)
    return nodes.add("Gather", classes, nodes.add("ArgMax", answers, axis=1, keepdims=0))


def _has_words(classifier: AutoencoderClassifier) -> bool:
    return classifier.classes_.dtype.kind == "U"
