"""The recorded calls of a fused training step."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ._fusable import Half

if TYPE_CHECKING:
    from ._step import FusedStep

Calls = list[Callable[[], Any]]


class RecordedCalls:
    """The calls of a step for one batch tensor, with every operand and result in its place.

    Between `run_forward` and `run_backward` the gradient of the loss must take the place of
    `output`.
    """

    def __init__(self, step: "FusedStep", x: Tensor):
        self.x = x
        # The rows as the encoder sees them.
        if step.first is not None:
            x = step.first(x)
        elif step.corruptions:
            x = torch.empty_like(x)
        self.seen = x
        encoder, decoder = step.halves
        low = step.low_flat
        self._encode: Calls = []
        self._decode: Calls = []
        self._decoder_backward: Calls = []
        self._encoder_backward: Calls = []
        if low is not None:
            x = x.to(low.dtype)
            self._encode += [partial(low.copy_, step.flat), partial(x.copy_, self.seen)]
        h, encoded = _record_forward(self._encode, encoder, x, step)
        self._latent = _LatentByAutograd(step, h) if step.latent_by_autograd else None
        codes = h if self._latent is None else self._latent.codes
        output, decoded = _record_forward(self._decode, decoder, codes, step)
        self.output = output
        if low is not None:
            # The loss and its gradient in the precision of the data.
            self.output = torch.empty(output.shape, dtype=self.x.dtype, device=self.x.device)
            self._decode.append(partial(self.output.copy_, output))
            self._decoder_backward.append(partial(output.copy_, self.output))
        to_code = _record_backward(self._decoder_backward, decoder, decoded, output, step)
        if self._latent is not None:
            # Its penalties add to the gradients of the decoder.
            _record_join(self._decoder_backward, step)
            self._latent.codes_gradient = to_code
            to_code = self._latent.h_gradient
        # The rows need no gradient.
        _record_backward(
            self._encoder_backward, encoder, encoded, to_code, step, input_needed=False
        )
        _record_join(self._encoder_backward, step)
        if step.low_gradient is not None:
            self._encoder_backward.append(partial(step.gradient.copy_, step.low_gradient))

    def run_forward(self, weight: Tensor | None) -> dict[str, Tensor]:
        """Fill `output`; return the penalties on the way."""
        for call in self._encode:
            call()
        penalties = {} if self._latent is None else self._latent.forward(weight)
        for call in self._decode:
            call()
        return penalties

    def run_backward(self) -> None:
        """Fill the gradients of all parameters."""
        for call in self._decoder_backward:
            call()
        if self._latent is not None:
            # Penalties may add to the gradients of the decoder, never to the encoder's.
            self._latent.backward()
        for call in self._encoder_backward:
            call()


class _LatentByAutograd:
    """The latent, between the two halves, which autograd differentiates: it is short.

    `codes` and `h_gradient` are where the halves find them; `codes_gradient` is set to where
    the decoder's backward puts what the latent needs.
    """

    def __init__(self, step: "FusedStep", h: Tensor):
        self._module, self._objective = step.nets[0].module, step.objective
        self._encoder_parameters = list(self._module.encoder.parameters())
        self._is_checked = False
        # It shares the memory that the encoder writes into, and nothing of its history.
        self._h = h.detach().requires_grad_()
        self.codes = h.new_empty(len(h), len(self._module.code_mean))
        self.h_gradient = torch.empty_like(h)
        self.codes_gradient: Tensor | None = None
        self._graph: list[Tensor] = []

    def forward(self, weight: Tensor | None) -> dict[str, Tensor]:
        codes, penalties = self._objective.through_latent(self._module, self._h, weight)
        self.codes.copy_(codes.detach())
        self._graph = [codes, *(p for p in penalties.values() if p.requires_grad)]
        if not self._is_checked:
            self._check_parameters()
        return penalties

    def _check_parameters(self) -> None:
        """Refuse a code term that uses parameters of the encoder and does not say so."""
        found = torch.autograd.grad(
            [value.sum() for value in self._graph],
            self._encoder_parameters,
            retain_graph=True,
            allow_unused=True,
        )
        if any(gradient is not None for gradient in found):
            raise TypeError(
                f"{type(self._objective.code_term).__name__} uses parameters of the encoder, whose "
                f"gradient the fused step would lose. Write `uses_encoder = True` in the class, "
                f"and autograd trains it."
            )
        self._is_checked = True

    def backward(self) -> None:
        gradients = [self.codes_gradient, *[None] * (len(self._graph) - 1)]
        torch.autograd.backward(self._graph, gradients)
        self.h_gradient.copy_(self._h.grad)  # type: ignore[arg-type]  # backward has set it
        self._h.grad, self._graph = None, []


def _record_forward(
    calls: Calls, half: Half, x: Tensor, step: "FusedStep"
) -> tuple[Tensor, tuple[list[Tensor], list[Tensor | None]]]:
    """Record a half; return its output, and of each layer the input and what is saved."""
    inputs: list[Tensor] = [x]
    saved: list[Tensor | None] = [None]
    for layer, activation in zip(half.layers, half.activations, strict=True):
        z = x.new_empty(*x.shape[:-1], layer.weight.shape[-2])
        calls.append(partial(step.addmm, layer.bias, inputs[-1], layer.transposed, out=z))
        if activation is None:
            inputs.append(z)
            saved.append(None)
        else:
            a = torch.empty_like(z) if activation.saves_input else z
            calls.append(partial(activation.forward, z, a))
            inputs.append(a)
            saved.append(z)
    if half.linear is not None:
        calls.append(partial(step.addmm, z, x, half.linear.transposed, out=z))
        calls.append(partial(z.add_, half.linear.bias))
    return z, (inputs, saved)


def _record_backward(
    calls: Calls,
    half: Half,
    recorded: tuple[list[Tensor], list[Tensor | None]],
    gradient: Tensor,
    step: "FusedStep",
    input_needed: bool = True,
) -> Tensor:
    """Record the gradients of a half's parameters; return that of its input if it is needed."""
    inputs, saved = recorded
    if half.linear is not None:
        _record_gradients(calls, half.linear, gradient, inputs[0], step)
    delta = gradient
    for i in reversed(range(len(half.layers))):
        layer = half.layers[i]
        _record_gradients(calls, layer, delta, inputs[i], step)
        if i == 0 and not input_needed:
            break
        below = torch.empty_like(inputs[i])
        calls.append(partial(step.mm, delta, layer.weight, out=below))
        delta = below
        activation, kept = half.activations[i - 1], saved[i]
        if activation is not None and kept is not None:
            calls.append(partial(activation.backward, delta, kept))
    if half.linear is not None and input_needed:
        calls.append(partial(step.addmm, delta, gradient, half.linear.weight, out=delta))
    return delta


def _record_gradients(
    calls: Calls, layer: Any, delta: Tensor, x: Tensor, step: "FusedStep"
) -> None:
    gradients: Calls = [
        partial(step.mm, delta.mT, x, out=layer.weight_gradient),
        partial(torch.sum, delta, -2, out=layer.bias_gradient),
    ]
    calls += gradients if step.branch is None else [partial(step.branch.run, *gradients)]


def _record_join(calls: Calls, step: "FusedStep") -> None:
    if step.branch is not None:
        calls.append(step.branch.join)
