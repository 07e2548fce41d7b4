"""What the detector leaves behind: interrupts from the keyboard, threads, other threads at work."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from outlier_cases import draw, make_detector
from skorch.callbacks import Callback
from threadpoolctl import threadpool_info

from skae import AutoencoderTransformer

X = draw(np.random.default_rng(1), 200)


class Interrupt(Callback):
    """Press the keys in one epoch, of all members counted together, at an event."""

    def __init__(self, at):
        self.at = at

    def initialize(self):
        """Count from here on; members have copies that share the count."""
        return self

    def on_epoch_begin(self, net, **kwargs):
        """Count, and interrupt once."""
        Interrupt.n_epochs += 1
        if Interrupt.n_epochs == self.at:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def from_zero():
    Interrupt.n_epochs = 0


def interrupted(at, max_iter=5):
    autoencoder = AutoencoderTransformer(
        2, hidden_layer_sizes=(), max_iter=max_iter, callbacks=[Interrupt(at)]
    )
    return make_detector(autoencoder, n_estimators=3)


@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_interrupt_ends_the_fit_of_all_members(at):
    """In the first epoch, too, in which no member has taken a step."""
    with pytest.warns(UserWarning, match="interrupted after"):
        detector = interrupted(at).fit(X)
    assert Interrupt.n_epochs < 9
    assert np.isfinite(detector.score_samples(X)).all()


def test_an_interrupt_ends_a_call_of_partial_fit():
    detector = interrupted(at=5).partial_fit(X)
    assert Interrupt.n_epochs == 3
    with pytest.warns(UserWarning, match="interrupted after"):
        detector.partial_fit(X)
    # The second of three members was interrupted; the third did not begin.
    assert Interrupt.n_epochs == 5
    assert [member.n_iter_ for member in detector.estimators_] == [2, 1, 1]


def test_scoring_in_several_threads_leaves_their_number_as_it_was():
    detector = make_detector().fit(X)
    before, expected = threadpool_info(), detector.score_samples(X)
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda _: detector.score_samples(X), range(40)))
    assert [pool["num_threads"] for pool in threadpool_info()] == [
        pool["num_threads"] for pool in before
    ]
    for score in scores:
        assert_array_equal(score, expected)
