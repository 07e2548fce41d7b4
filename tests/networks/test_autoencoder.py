"""The module that estimators train: the scale of codes, linear paths, and the parts it names."""

from itertools import zip_longest

import pytest
import torch
from network_cases import halves, normal, seeded
from numpy.testing import assert_allclose
from torch import nn

from skae.networks import (
    ACTIVATIONS,
    Autoencoder,
    DenseNetwork,
    GaussianLatent,
    Linear,
    PlainLatent,
    add_linear_path,
    start_linear_path,
)
from skae.networks._linear_path import WithLinearPath


def test_the_scale_of_the_codes_is_undone_in_decoding():
    module = Autoencoder(*halves(DenseNetwork((6,)), 5, 2), 2).double().eval()
    x = normal(20, 5)
    before, raw = module(x).detach(), module.encoder(x).detach()
    module.code_mean.copy_(torch.tensor([3.0, -1.0]))
    module.code_scale.copy_(torch.tensor([0.5, 20.0]))
    codes = module.encode(x).detach()
    assert_allclose(codes, (raw - torch.tensor([3.0, -1.0])) / torch.tensor([0.5, 20.0]))
    assert_allclose(module.decode(codes).detach(), before, atol=1e-12)
    assert_allclose(module(x).detach(), before)


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_a_half_that_was_dropped_says_so(half):
    module = Autoencoder(*halves(DenseNetwork((6,)), 5, 2), 2)
    assert module.half is None
    module.keep(half)
    assert module.half == half
    with pytest.raises(ValueError, match="half of an autoencoder"):
        module(normal(3, 5, dtype=torch.float32))


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
def test_a_linear_path_is_all_there_is_at_the_start(hidden, normalization):
    deep, _ = halves(DenseNetwork(hidden, normalization=normalization), 5, 3)
    module = add_linear_path(deep, 5, 3)
    weight, bias = normal(3, 5).numpy(), normal(3, seed=1).numpy()
    start_linear_path(module, weight, bias)
    x = normal(10, 5, dtype=torch.float32)
    assert_allclose(module(x).detach(), x.numpy() @ weight.T + bias, atol=1e-5)
    # The deep half can learn: its last layer has a gradient, and what is linear needs no copy.
    assert (module is deep) == (hidden == ())
    module(x).square().sum().backward()
    last = [m for m in deep.modules() if isinstance(m, nn.Linear)][-1]
    assert last.weight.grad.abs().sum() > 0


# -- the parts of dense halves ----------------------------------------------------------------


def by_parts(stack, x):
    """The output of a dense half, computed from its parts."""
    output = x
    for layer, activation in zip_longest(stack.layers, stack.activations):
        output = nn.functional.linear(output, layer.weight, layer.bias)
        output = output if activation is None else activation(output)
    return output if stack.linear is None else output + stack.linear(x)


@pytest.mark.parametrize("with_path", [False, True])
@pytest.mark.parametrize(
    ("activation", "hidden"), [*((a, (6, 4)) for a in ACTIVATIONS), ("tanh", ()), ("tanh", (6,))]
)
def test_parts_of_dense_halves_compute_the_same(activation, hidden, with_path):
    encoder, decoder = halves(DenseNetwork(hidden, activation), 5, 3)
    if with_path:
        encoder, decoder = add_linear_path(encoder, 5, 3), add_linear_path(decoder, 3, 5)
    module = Autoencoder(encoder, decoder, 3).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape))
    x = normal(10, 5)
    assert module.has_plain_latent
    assert len(module.dense_encoder.layers) == len(hidden) + 1
    assert (module.dense_encoder.linear is not None) == (with_path and hidden != ())
    codes = by_parts(module.dense_encoder, x)
    assert_allclose(codes.detach(), encoder(x).detach(), atol=1e-12)
    assert_allclose(by_parts(module.dense_decoder, codes).detach(), module(x).detach(), atol=1e-12)


class Doubled(Linear):
    """A linear layer that computes something else."""

    def forward(self, x):
        return 2 * super().forward(x)


class Halved(nn.ReLU):
    """An activation that computes something else."""

    def forward(self, x):
        return super().forward(x) / 2


class DeepAlone(WithLinearPath):
    """A sum that computes something else."""

    def forward(self, x):
        return self.deep(x)


def linear(n_in, n_out):
    return Linear(n_in, n_out, seeded())


@pytest.mark.parametrize(
    "encoder",
    [
        Doubled(5, 3, seeded()),
        DeepAlone(linear(5, 3), linear(5, 3)),
        nn.Identity(),
        nn.Sequential(),
        nn.Sequential(linear(5, 3), nn.ReLU()),
        nn.Sequential(linear(5, 4), linear(4, 3)),
        nn.Sequential(linear(5, 4), Halved(), linear(4, 3)),
        nn.Sequential(linear(5, 4), nn.Softmax(dim=1), linear(4, 3)),
        nn.Sequential(nn.Sequential(linear(5, 4), nn.ReLU()), linear(4, 3)),
        halves(DenseNetwork((4,), dropout=0.5), 5, 3)[0],
        halves(DenseNetwork((4,), normalization="batch"), 5, 3)[0],
    ],
    ids=lambda encoder: type(encoder).__name__,
)
def test_other_halves_name_no_parts(encoder):
    module = Autoencoder(encoder, linear(3, 5), 3)
    assert module.dense_encoder is None
    assert module.dense_decoder.layers == [module.decoder]


def test_subclasses_are_not_taken_for_their_parents():
    class Residual(Autoencoder):
        def forward(self, x):
            return x + super().forward(x)

    class Shifted(PlainLatent):
        def forward(self, h):
            return h + 1

    module = Residual(linear(5, 3), linear(3, 5), 3)
    assert module.dense_encoder is module.dense_decoder is None
    for latent in (Shifted(), GaussianLatent()):
        assert not Autoencoder(linear(5, 3), linear(3, 5), 3, latent).has_plain_latent
