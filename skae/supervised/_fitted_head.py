"""The head of a fitted estimator, as arrays that files can hold."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import nn

from skae._typing import ArrayOf
from skae.networks import ActivationName, linear_layers_of, make_head


@dataclass(eq=False)
class FittedHead:
    """Weights of the linear layers of a head, the linear path last if there are hidden layers."""

    weights: list[Annotated[np.ndarray, ArrayOf("float", None, None)]]
    biases: list[Annotated[np.ndarray, ArrayOf("float", None)]]
    activation: ActivationName

    @classmethod
    def of(cls, head: nn.Module, activation: ActivationName) -> Self:
        """Return the head of a module."""
        layers = linear_layers_of(head)
        parameters = ([getattr(one, kind) for one in layers] for kind in ("weight", "bias"))
        weights, biases = ([p.detach().double().cpu().numpy() for p in ps] for ps in parameters)
        return cls(weights, biases, activation)

    @property
    def n_answers(self) -> int:
        """How many logits or numbers it answers."""
        return len(self.biases[-1])

    @property
    def n_codes(self) -> int:
        """How many codes it takes."""
        return self.weights[-1].shape[1]

    def module(self) -> nn.Module:
        """Return the head as a module in double precision."""
        *deep, linear = self.weights
        sizes = tuple(len(weight) for weight in deep[:-1])
        shape = linear.shape[1], self.n_answers, sizes
        head = make_head(*shape, self.activation, 0.0, torch.Generator()).double().eval()
        with torch.no_grad():
            for layer, weight, bias in zip(
                linear_layers_of(head), self.weights, self.biases, strict=True
            ):
                layer.weight.copy_(torch.from_numpy(weight.copy()))
                layer.bias.copy_(torch.from_numpy(bias.copy()))
        return head.requires_grad_(False)

    def _check_consistency(self) -> None:
        """Raise a ValueError for layers, from a file, that do not fit together."""
        shapes = [weight.shape for weight in self.weights]
        *deep, (n_answers, n_codes) = shapes
        n_inputs = [n_codes, *(n_out for n_out, _ in deep[:-1])][: len(deep)]
        fits = [n_in for _, n_in in deep] == n_inputs and len(deep) != 1
        fits = fits and all(n_out == n_answers for n_out, _ in deep[-1:])
        if not fits or [n_out for n_out, _ in shapes] != [len(bias) for bias in self.biases]:
            raise ValueError(f"the layers of the head, of shapes {shapes}, do not fit together")
