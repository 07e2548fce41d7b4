"""Training that goes on: partial_fit over chunks, and warm_start."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from skorch.callbacks import Callback
from torch import optim

from skae import AutoencoderTransformer, load, save

IRIS = load_iris().data
DIGITS = np.random.default_rng(0).permutation(load_digits().data)[:600]
PLAIN = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 15,
    "early_stopping": False,
    "batch_size": 100,
    "random_state": 0,
}
STILL = {"learning_rate_init": 1e-12, "max_iter": 1}


def make(**params):
    return AutoencoderTransformer(**(PLAIN | params))


def error(ae, X):
    return ((X - ae.reconstruct(X)) ** 2).mean()


# -- partial_fit ----------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
def test_passes_over_chunks_approach_a_fit(init):
    X = DIGITS[:360]
    params = {"learning_rate_init": 5e-3, "batch_size": 30, "init": init}
    whole = make(**params, max_iter=20).fit(X)
    ae, errors = make(**params), []
    for _ in range(20):
        for chunk in np.array_split(X, 3):
            ae.partial_fit(chunk)
        errors.append(error(ae, X))
    assert ae.n_iter_ == len(ae.loss_curve_) == 60
    assert errors[-1] < 1.15 * error(whole, X)
    assert errors[0] > 1.15 * error(whole, X)


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_each_call_is_one_more_pass(first):
    ae = getattr(make(), first)(DIGITS)
    before, loss = ae.n_iter_, error(ae, DIGITS)
    for passes in range(1, 8):
        assert ae.partial_fit(DIGITS) is ae
        assert ae.n_iter_ == before + passes
    assert error(ae, DIGITS) < loss
    assert_allclose(ae.loss_, error(ae, DIGITS), rtol=1e-4)
    assert ae.validation_loss_curve_ is None


def test_the_first_call_fixes_the_scaling():
    ae = make().partial_fit(DIGITS[:200])
    mean, scale = ae.mean_.copy(), ae.scale_
    assert_allclose(mean, DIGITS[:200].mean(axis=0), atol=1e-6)
    ae.partial_fit(3 * DIGITS[200:] + 5)
    assert_array_equal(ae.mean_, mean)
    assert ae.scale_ == scale
    # A fit starts from its own rows again.
    assert abs(ae.fit(3 * DIGITS[200:] + 5).scale_ / scale - 3) < 0.3


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_equal_rows_fix_nothing(unit, loss, tmp_path):
    """The first rows that differ are the start, as if nothing had been before."""
    rows = unit * (1 + IRIS)
    equal = np.full((2, 4), unit)
    ae, plain = (make(n_components=2, loss=loss, init="pca") for _ in range(2))
    ae.partial_fit(np.tile(rows[:1], (20, 1))).partial_fit(rows[:1]).partial_fit(equal)
    plain.partial_fit(rows)
    assert ae.scale_ != plain.scale_
    save(ae, tmp_path / "ae.skae")
    ae = load(tmp_path / "ae.skae")
    assert_array_equal(ae.partial_fit(rows).transform(rows), plain.transform(rows))
    assert ae.scale_ == plain.scale_
    # From then on it stays.
    assert ae.partial_fit(3 * rows).scale_ == plain.scale_
    chunks = iter([equal, rows, 3 * rows])
    at_once = make(n_components=2, loss=loss, init="pca").partial_fit(chunks)
    assert_array_equal(at_once.transform(rows), ae.transform(rows))
    with pytest.raises(ValueError, match="4 features"):
        make().partial_fit(np.ones((9, 4))).partial_fit(DIGITS)


def test_the_first_call_fixes_the_components():
    ae = make(n_components=0.5).partial_fit(DIGITS)
    n_components = ae.n_components_
    assert 1 < n_components < 20
    # Rows that would need a single component are taken by the network as it is.
    ae.partial_fit(np.outer(np.arange(100.0), np.ones(64)))
    assert ae.n_components_ == n_components
    assert ae.transform(DIGITS).shape == (600, n_components)


def test_a_chunk_may_be_small():
    ae = make(normalization="layer").partial_fit(DIGITS[:100])
    before = ae.transform(DIGITS)
    ae.partial_fit(DIGITS[:1])
    assert np.isfinite(ae.transform(DIGITS)).all()
    assert abs(ae.transform(DIGITS) - before).max() > 0


def test_a_chunk_of_another_width_is_refused():
    ae = make().partial_fit(DIGITS)
    before = ae.transform(DIGITS)
    with pytest.raises(ValueError, match=r"63 features.*64 features"):
        ae.partial_fit(DIGITS[:, :-1])
    assert_array_equal(ae.transform(DIGITS), before)


def test_weights_count_in_partial_fit():
    weight = np.where(np.arange(150) < 75, 1.0, 0.0)
    params = {"n_components": 2, "learning_rate_init": 5e-3}
    ae, removed, unweighted = (make(**params).partial_fit(IRIS) for _ in range(3))
    expected = removed.partial_fit(IRIS[:75]).transform(IRIS)
    assert_array_equal(ae.partial_fit(IRIS, sample_weight=weight).transform(IRIS), expected)
    assert abs(unweighted.partial_fit(IRIS).transform(IRIS) - expected).max() > 1e-3


def test_parameters_changed_between_calls_count():
    ae = make().partial_fit(DIGITS)
    before = [p.detach().clone() for p in ae.net_.module_.parameters()]
    ae.set_params(learning_rate_init=1e-12).partial_fit(DIGITS)
    for old, new in zip(before, ae.net_.module_.parameters(), strict=True):
        assert_allclose(new.detach(), old, atol=1e-8)


# -- warm_start -----------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_warm_start_begins_where_training_ended(early_stopping):
    ae = make(warm_start=True, early_stopping=early_stopping).fit(DIGITS)
    loss, codes, n_iter = ae.loss_, ae.transform(DIGITS), ae.n_iter_
    # A step of no length shows where it begins.
    ae.set_params(**STILL).fit(DIGITS)
    assert_allclose(ae.loss_, loss, rtol=1e-5)
    assert_allclose(ae.loss_curve_[-1], loss, rtol=0.2)
    assert_allclose(ae.transform(DIGITS), codes, atol=1e-4)
    assert ae.n_iter_ == len(ae.loss_curve_) == n_iter + 1
    # The control: without it, training starts over.
    ae.set_params(warm_start=False).fit(DIGITS)
    assert ae.loss_ > 1.5 * loss
    assert ae.n_iter_ == 1


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_warm_start_goes_on_improving(init):
    ae = make(warm_start=True, max_iter=4, init=init).fit(DIGITS)
    losses = [ae.loss_]
    for _ in range(4):
        losses.append(ae.fit(DIGITS).loss_)
    assert losses[-1] < 0.97 * losses[0]
    if init == "pca":
        # Each fit ends no worse than it began.
        assert (np.diff(losses) <= 1e-6 * losses[0]).all()


@pytest.mark.parametrize(
    "changed",
    [
        {"n_components": 4},
        {"n_components": "auto"},
        {"hidden_layer_sizes": (17,)},
        {"activation": "tanh"},
        {"normalization": "batch"},
    ],
    ids=str,
)
def test_a_warm_start_refuses_another_network(changed):
    ae = make(warm_start=True, max_iter=2).fit(DIGITS)
    before = ae.transform(DIGITS)
    with pytest.raises(ValueError, match="warm_start"):
        ae.set_params(**changed).fit(DIGITS)
    # The fitted network survives, and with warm_start=False another one is made.
    assert_array_equal(ae.transform(DIGITS), before)
    ae.set_params(warm_start=False).fit(DIGITS)
    assert ae.transform(DIGITS).shape == (600, 8 if ae.n_components == "auto" else ae.n_components)


def test_a_warm_start_refuses_another_loss():
    # The rows were centred and scaled for the first one; in these no logarithm is defined.
    X = (DIGITS > 8).astype(float)
    ae = make(warm_start=True, max_iter=2).fit(X)
    with pytest.raises(ValueError, match="warm_start"):
        ae.set_params(loss="log_loss").fit(X)


def test_a_warm_start_takes_the_parameters_of_training_as_they_are_now():
    ae = make(warm_start=True, max_iter=3).fit(DIGITS)
    changed = {"optimizer": "sgd", "learning_rate_init": 0.003, "max_iter": 2, "batch_size": 60}
    ae.set_params(**changed).fit(DIGITS)
    assert ae.n_iter_ == 5
    assert ae.net_.history[-1, "train_batch_count"] == 10
    assert ae.net_.lr == 0.003
    assert type(ae.net_.optimizer_) is optim.SGD


def test_a_warm_start_takes_the_callbacks_as_they_are_now():
    class Count(Callback):
        epochs = 0

        def on_epoch_end(self, net, **kwargs):
            self.epochs += 1

    first, second = Count(), Count()
    ae = make(warm_start=True, max_iter=3, callbacks=[first]).fit(DIGITS)
    ae.set_params(callbacks=[second], max_iter=2).fit(DIGITS)
    assert (first.epochs, second.epochs) == (3, 2)


def test_a_warm_start_takes_the_penalty_as_it_is_now():
    ae = make(warm_start=True).fit(DIGITS)
    loss = ae.loss_
    ae.set_params(alpha=0.1, **STILL).fit(DIGITS)
    assert ae.loss_ > 1.1 * loss
    assert_allclose(-ae.score(DIGITS), loss, rtol=1e-4)


def test_a_warm_start_without_a_fit_is_a_fit():
    expected = make().fit(DIGITS).transform(DIGITS)
    assert_array_equal(make(warm_start=True).fit(DIGITS).transform(DIGITS), expected)


def test_the_loss_of_held_out_rows_is_gone_with_them():
    X = load_digits().data[:600]
    ae = AutoencoderTransformer(
        3, hidden_layer_sizes=(8,), early_stopping=True, max_iter=3, random_state=0
    )
    # The start may have been the best.
    assert ae.fit(X).best_validation_loss_ <= min(ae.validation_loss_curve_)
    assert ae.partial_fit(X).best_validation_loss_ is None


def test_a_warm_start_refuses_another_start():
    X = load_digits().data[:300]
    ae = AutoencoderTransformer(
        0.5, hidden_layer_sizes=(8,), max_iter=2, warm_start=True, random_state=0
    ).fit(X)
    with pytest.raises(ValueError, match="init changed since the first fit"):
        ae.set_params(init="random").fit(X)
    with pytest.raises(ValueError, match="n_components changed since the first fit"):
        ae.set_params(init="pca", n_components=0.9).fit(X)
    ae.set_params(n_components=ae.n_components_).fit(X)


def test_a_warm_start_refuses_a_single_row():
    X = load_digits().data[:300]
    ae = AutoencoderTransformer(3, hidden_layer_sizes=(8,), max_iter=2, warm_start=True).fit(X)
    with pytest.raises(ValueError, match="minimum of 2"):
        ae.fit(X[:1])
    # partial_fit goes on with whatever comes.
    assert np.isfinite(ae.partial_fit(X[:1]).transform(X)).all()
