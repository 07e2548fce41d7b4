"""Members of a stack after it: memory, copies, continued training, failures."""

import copy
import pickle

import numpy as np
import pytest
import torch
from lockstep_cases import DIGITS, N_ROWS, assert_same, fitted, members_of, rows_of, weights_of
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from skae import (
    AutoencoderTransformer,
    VariationalAutoencoder,
)
from skae.engine import _lockstep
from skae.estimators.base._lockstep import fit_in_lockstep


def test_members_have_memory_of_their_own():
    members = fitted()
    tensors = [t for ae in members for t in ae.net_.module_.parameters()]
    tensors += [
        value
        for ae in members
        for state in ae.net_.optimizer_.state.values()
        for value in state.values()
    ]
    places = [t.untyped_storage().data_ptr() for t in tensors]
    assert len(set(places)) == len(places)
    assert all(t.untyped_storage().nbytes() == t.nbytes for t in tensors)
    assert all(p.grad is None for ae in members for p in ae.net_.module_.parameters())


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_copy_of_a_member_holds_no_other(copied):
    members = fitted(6, hidden_layer_sizes=(40,))
    alone = clone(members[0]).fit(DIGITS[rows_of(6)[0]])
    if copied is pickle.dumps:
        assert len(pickle.dumps(members[0])) < 1.1 * len(pickle.dumps(alone))
    again = copied(members[0])
    again = pickle.loads(again) if isinstance(again, bytes) else again
    assert_array_equal(again.transform(DIGITS), members[0].transform(DIGITS))


def test_training_one_member_further_leaves_the_others_alone():
    members, apart = fitted(), fitted()
    before = [weights_of(ae) for ae in copy.deepcopy(members)]
    for ae in (members[1], apart[1]):
        ae.partial_fit(DIGITS[:200]).set_params(warm_start=True).fit(DIGITS[:N_ROWS])
    assert_same(members[1], apart[1], rtol=0)
    for i in (0, 2):
        for name, weight in weights_of(members[i]).items():
            assert_array_equal(weight, before[i][name])
    assert np.abs(members[1].transform(DIGITS) - apart[0].transform(DIGITS)).max() > 0.1


def test_the_same_call_gives_the_same_bits():
    for one, other in zip(fitted(), fitted(), strict=True):
        assert_same(one, other, rtol=0)


def test_members_continue_together(stacks):
    together, apart = fitted(2), fitted(2)
    stacks.clear()
    for ae in (*together, *apart):
        ae.set_params(warm_start=True, max_iter=3)
    fit_in_lockstep(together, DIGITS[:N_ROWS])
    assert stacks == [2]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other.fit(DIGITS[:N_ROWS]))
        assert one.n_iter_ == 9


# -- when it goes wrong ------------------------------------------------------------------------


class Break(Callback):
    """Raise an error at the end of an epoch."""

    def __init__(self, error, epoch=3):
        self.error, self.epoch = error, epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error


@pytest.mark.parametrize("refitted", [False, True])
def test_a_failing_member_leaves_all_as_they_were(refitted):
    members = fitted() if refitted else members_of(AutoencoderTransformer)
    before = [vars(copy.deepcopy(ae)) for ae in members]
    members[0].set_params(max_iter=1)
    members[2].set_params(callbacks=[Break(RuntimeError("the third one failed"))])
    with pytest.raises(RuntimeError, match="the third one failed"):
        fit_in_lockstep(members, DIGITS[:N_ROWS])
    for ae, then in zip(members, before, strict=True):
        assert vars(ae).keys() == then.keys()
        if refitted:
            for name, p in then["net_"].module_.named_parameters():
                assert torch.equal(ae.net_.module_.get_parameter(name), p)


def test_a_failing_continuation_puts_the_weights_back():
    members = fitted()
    before = [weights_of(ae) for ae in copy.deepcopy(members)]
    for ae in members:
        ae.set_params(warm_start=True)
    members[2].set_params(callbacks=[Break(RuntimeError("stop"), epoch=8)])
    with pytest.raises(RuntimeError, match="stop"):
        fit_in_lockstep(members, DIGITS[:N_ROWS])
    for ae, then in zip(members, before, strict=True):
        for name, weight in weights_of(ae).items():
            assert_array_equal(weight, then[name])


def test_bad_parameters_and_rows_are_refused_before_anybody_is_fitted():
    members = members_of(AutoencoderTransformer)
    members[1].set_params(max_iter=0)
    with pytest.raises(ValueError, match="max_iter"):
        fit_in_lockstep(members, DIGITS)
    members[1].set_params(max_iter=2)
    members[2].set_params(loss="poisson", init="random")
    spoiled = DIGITS.copy()
    spoiled[5] = -1
    with pytest.raises(ValueError, match="Negative values"):
        fit_in_lockstep(members, spoiled, [np.arange(10, 90), np.arange(10, 90), np.arange(90)])
    assert not any(hasattr(ae, "net_") for ae in members)


@pytest.mark.parametrize("kind", [AutoencoderTransformer, VariationalAutoencoder])
def test_an_interrupt_ends_all_with_what_they_have(kind):
    members = members_of(kind, max_iter=20)
    members[1].set_params(callbacks=[Break(KeyboardInterrupt)])
    with pytest.warns(UserWarning, match="interrupted after 3 epochs") as caught:
        fit_in_lockstep(members, DIGITS[:N_ROWS])
    assert len(caught) == 3
    assert [ae.n_iter_ for ae in members] == [3] * 3
    assert all(np.isfinite(ae.transform(DIGITS)).all() for ae in members)


def test_an_interrupt_between_two_steps_ends_all(monkeypatch):
    calls = []

    class Interrupted(_lockstep.FusedStep):
        def __call__(self, batch):
            calls.append(len(batch.x))
            if len(calls) == 12:
                raise KeyboardInterrupt
            return super().__call__(batch)

    monkeypatch.setattr(_lockstep, "FusedStep", Interrupted)
    members = members_of(AutoencoderTransformer, batch_size=35)
    with pytest.warns(UserWarning, match="interrupted after 1 epochs"):
        fit_in_lockstep(members, DIGITS[:N_ROWS])
    # Six batches an epoch: the second one is not done.
    assert calls == [3] * 12
    assert [len(ae.loss_curve_) for ae in members] == [1] * 3


def test_an_unfinished_schedule_is_warned_of_for_each():
    members = members_of(
        AutoencoderTransformer, 2, init="random", learning_rate="constant", max_iter=4
    )
    with pytest.warns(ConvergenceWarning) as caught:
        fit_in_lockstep(members, DIGITS, rows_of(2))
    assert len(caught) == 2
    assert all(warning.filename == __file__ for warning in caught)
