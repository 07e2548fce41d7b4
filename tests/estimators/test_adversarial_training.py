"""Training of the adversarial autoencoder: two optimizers, and how they go on."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from adversarial_cases import TEST, TRAIN, discriminator, draw, fit, fitted, state, weights
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback


def test_each_optimizer_moves_its_own_network():
    ae = fitted()
    net = ae.net_
    of_net = {id(p) for group in net.optimizer_.param_groups for p in group["params"]}
    of_other = {
        id(p) for group in net.discriminator_optimizer_.param_groups for p in group["params"]
    }
    assert of_net == {id(p) for p in net.module_.parameters()}
    assert of_other == {id(p) for p in discriminator(ae).parameters()}
    assert not of_net & of_other
    # A step of one leaves the other's network where it is.
    for optimizer, moved, stays in (
        (net.optimizer_, net.module_, discriminator(ae)),
        (net.discriminator_optimizer_, discriminator(ae), net.module_),
    ):
        for p in (*moved.parameters(), *stays.parameters()):
            p.grad = torch.ones_like(p)
        before, still = weights(moved), weights(stays)
        optimizer.step()
        assert not torch.equal(weights(moved), before)
        assert torch.equal(weights(stays), still)


@pytest.mark.parametrize("fused", [True, False])
def test_the_discriminator_learns_to_tell_not_to_please(fused):
    # Frozen codes: whatever the encoder wishes must not reach the discriminator.
    X, params = TRAIN, {"optimizer": "adam" if fused else "rmsprop"}
    params["learning_rate_init"] = 4e-3
    strong, weak = (fit(X, adversarial_weight=w, max_iter=1, **params) for w in (1e-12, 0))
    assert_allclose(weights(discriminator(strong)), weights(discriminator(weak)), atol=1e-5)
    ae = fit(X, adversarial_weight=0, max_iter=15, init="random", **params)
    codes = torch.as_tensor(ae.transform(TEST), dtype=torch.float32)
    with torch.no_grad():
        for_codes = discriminator(ae)(codes).mean()
        for_prior = discriminator(ae)(torch.as_tensor(draw("normal", 3, 797))).mean()
    assert for_prior > for_codes + 0.3


class Keep(Callback):
    """The discriminator's weights after each epoch."""

    def __init__(self):
        self.kept = []

    def on_epoch_end(self, net, **kwargs):
        self.kept.append(weights(net.criterion_.code_term.discriminator))


def test_the_discriminator_is_trained_and_starts_from_the_seed():
    keep, same, other = Keep(), Keep(), Keep()
    fit(callbacks=[keep]), fit(callbacks=[same]), fit(callbacks=[other], random_state=1)
    assert len(keep.kept) == 4
    assert not torch.equal(keep.kept[0], keep.kept[-1])
    assert all(map(torch.equal, keep.kept, same.kept))
    assert not torch.equal(keep.kept[0], other.kept[0])


@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_a_pickle_goes_on_as_if_nothing_had_happened(prior):
    ae = fitted(prior=prior).partial_fit(TRAIN[:200])
    loaded = pickle.loads(pickle.dumps(ae))
    for one, other in zip(state(ae), state(loaded), strict=True):
        assert torch.equal(one, other)
    ae.partial_fit(TRAIN[200:]), loaded.partial_fit(TRAIN[200:])
    for one, other in zip(state(ae), state(loaded), strict=True):
        assert torch.equal(one, other)
    assert_array_equal(loaded.transform(TEST), ae.transform(TEST))
    assert_array_equal(loaded.sample(5, random_state=0), ae.sample(5, random_state=0))


@pytest.mark.parametrize("method", ["partial_fit", "warm_start"])
def test_a_failed_continuation_leaves_the_discriminator_as_it_was(method):
    ae = fitted(warm_start=True).partial_fit(TRAIN)
    before, codes = state(ae), ae.transform(TEST)

    def chunks():
        yield TRAIN[:150]
        yield TRAIN[:150] * np.nan

    if method == "partial_fit":
        with pytest.raises(ValueError, match="NaN"):
            ae.partial_fit(chunks())
    else:
        with pytest.raises(ValueError, match="learning_rate_init"):
            ae.set_params(learning_rate_init=1e9).fit(TRAIN)
        ae.set_params(learning_rate_init=2e-3)
    for one, other in zip(before, state(ae), strict=True):
        assert torch.equal(one, other)
    assert_array_equal(ae.transform(TEST), codes)
    # And training goes on from there.
    other = fitted(warm_start=True).partial_fit(TRAIN)
    assert_array_equal(
        ae.partial_fit(TRAIN).transform(TEST), other.partial_fit(TRAIN).transform(TEST)
    )


def test_a_warm_start_keeps_the_discriminator_and_rests_its_optimizer():
    ae = fitted(warm_start=True)
    before = weights(discriminator(ae))
    kept = SimpleNamespace(first=None)

    class First(Callback):
        def on_train_begin(self, net, **kwargs):
            kept.first = weights(net.criterion_.code_term.discriminator)

    ae.set_params(callbacks=[First()]).fit(TRAIN)
    assert torch.equal(kept.first, before)
    assert ae.n_iter_ == 8
    assert len(ae.net_.history[:, "discriminator_loss"]) == 8
    for optimizer in ae.net_.optimizers():
        assert not optimizer.state
