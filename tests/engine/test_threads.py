"""Small networks are trained on one thread, and nobody else's setting changes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae.estimators.base._lockstep import fit_in_lockstep

DIGITS = load_digits().data[:300]
PARAMS = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
OURS = 3


class Watch(Callback):
    """Write into the history how many threads torch uses; do something else once."""

    def __init__(self, at_first_epoch=None):
        self.at_first_epoch = at_first_epoch

    def on_epoch_end(self, net, **kwargs):
        net.history.record("threads", torch.get_num_threads())
        if self.at_first_epoch is not None and len(net.history) == 1:
            self.at_first_epoch()
            net.history.record("threads", torch.get_num_threads())


def make(callback=None, **params):
    callbacks = [Watch() if callback is None else callback]
    return AutoencoderTransformer(**PARAMS | params, callbacks=callbacks)


def threads_seen(ae):
    return set(ae.net_.history[:, "threads"])


@pytest.fixture(autouse=True)
def _our_setting():
    before = torch.get_num_threads()
    torch.set_num_threads(OURS)
    yield
    torch.set_num_threads(before)


def fail():
    raise RuntimeError("the first epoch failed")


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("params", "method"),
    [
        ({}, "fit"),
        ({}, "partial_fit"),
        ({}, "fit_transform"),
        ({"normalization": "layer"}, "partial_fit"),
        ({"early_stopping": True}, "fit"),
        ({"batch_size": 300}, "fit"),
    ],
    ids=str,
)
def test_a_small_network_has_one_thread(params, method):
    ae = make(**params)
    getattr(ae, method)(DIGITS)
    assert threads_seen(ae) == {1}
    assert torch.get_num_threads() == OURS
    # As the next one has, which starts from what is there.
    getattr(ae.set_params(warm_start=True), method)(DIGITS)
    assert threads_seen(ae) == {1}
    assert torch.get_num_threads() == OURS


def test_a_failing_fit_puts_the_setting_back():
    ae = make(Watch(fail))
    with pytest.raises(RuntimeError, match="the first epoch failed"):
        ae.fit(DIGITS)
    assert torch.get_num_threads() == OURS


def test_an_interrupted_fit_puts_the_setting_back():
    with pytest.warns(UserWarning, match="interrupted after 1 epochs"):
        make(Watch(interrupt)).fit(DIGITS)
    assert torch.get_num_threads() == OURS


@pytest.mark.parametrize(
    "spoil",
    [lambda X: X * np.nan, lambda X: X[:, :-1], lambda X: X[:0]],
    ids=["NaN", "narrow", "empty"],
)
def test_failing_answers_put_the_setting_back(spoil):
    ae = make().fit(DIGITS)
    for method in ("transform", "reconstruct", "score_samples"):
        with pytest.raises(ValueError, match=r"X|sample"):
            getattr(ae, method)(spoil(DIGITS))
        assert torch.get_num_threads() == OURS


@pytest.mark.parametrize("rows", [DIGITS, DIGITS[:5]], ids=["many", "few"])
def test_answers_within_a_fit_leave_it_on_one_thread(rows):
    """An answer that comes while training goes on must not put the caller's setting back."""
    other = make().fit(DIGITS)
    ae = make(Watch(lambda: other.score_samples(rows))).fit(DIGITS)
    assert threads_seen(ae) == {1}
    assert torch.get_num_threads() == OURS


def test_fits_that_overlap_in_threads():
    """The first one to begin is the first one to end, while the second one still trains."""
    both_train, first_is_done = Barrier(2, timeout=20), Event()

    def meet(wait=None):
        def call():
            both_train.wait()
            assert wait is None or wait.wait(20)

        return make(Watch(call))

    first, second = meet(), meet(first_is_done)

    def fit(ae, done=None):
        ae.fit(DIGITS)
        after = torch.get_num_threads()
        if done is not None:
            done.set()
        return after

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(fit, first, first_is_done), pool.submit(fit, second)]
        after = [job.result() for job in jobs]
    assert after == [OURS, OURS]
    assert threads_seen(first) == threads_seen(second) == {1}
    assert torch.get_num_threads() == OURS
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == OURS


def test_many_fits_in_threads():
    with ThreadPoolExecutor(4) as pool:
        fits = list(pool.map(lambda seed: make(random_state=seed).fit(DIGITS), range(12)))
        after = list(pool.map(lambda _: torch.get_num_threads(), range(12)))
    assert all(threads_seen(ae) == {1} for ae in fits)
    assert set(after) == {torch.get_num_threads()} == {OURS}


class Outside(AutoencoderTransformer):
    """Note the setting after the fit, which is the control of what is seen within."""

    def fit(self, X, y=None):
        super().fit(X)
        self.after_ = torch.get_num_threads()
        return self


def threads_within(ae, X, y=None):
    return max(threads_seen(ae))


def threads_after(ae, X, y=None):
    return ae.after_


def test_a_parallel_grid_search_has_one_thread_in_each_fit():
    search = GridSearchCV(
        Outside(**PARAMS, callbacks=[Watch()]),
        {"n_components": [1, 2], "hidden_layer_sizes": [(), (8,)]},
        scoring={"within": threads_within, "after": threads_after},
        refit=False,
        cv=2,
        n_jobs=2,
    )
    with parallel_config(backend="threading"):
        search.fit(DIGITS)
    results = search.cv_results_
    for split in range(2):
        np.testing.assert_array_equal(results[f"split{split}_test_within"], 1)
        np.testing.assert_array_equal(results[f"split{split}_test_after"], OURS)
    assert torch.get_num_threads() == OURS


def test_members_that_end_one_after_the_other():
    """The first one to end is not the last one to begin, and the others go on as before."""
    n_epochs = (2, 5, 3)
    members = [make(max_iter=n, hidden_layer_sizes=(n,)) for n in n_epochs]
    fit_in_lockstep(members, DIGITS)
    assert [len(member.net_.history) for member in members] == [*n_epochs]
    assert all(threads_seen(member) == {1} for member in members)
    assert torch.get_num_threads() == OURS


def test_a_large_stack_has_the_threads_that_large_work_has(monkeypatch):
    one = make(init="random").fit(DIGITS).net_
    work = one.batch_size * sum(p.numel() for p in one.module_.parameters())
    monkeypatch.setattr("skae._threads._SMALL", 3 * work)
    for n, threads in ((2, 1), (3, OURS)):
        members = [make(init="random") for _ in range(n)]
        fit_in_lockstep(members, DIGITS)
        assert all(threads_seen(member) == {threads} for member in members)
        assert torch.get_num_threads() == OURS
    # What takes its steps one after the other is as small as ever.
    members = [make(init="random", dropout=0.1) for _ in range(3)]
    fit_in_lockstep(members, DIGITS)
    assert all(threads_seen(member) == {1} for member in members)
