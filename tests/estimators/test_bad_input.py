"""Bad input gets a clear error, and a fitted model survives it."""

import pickle
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import torch
from fused_cases import pairwise
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from skorch.callbacks import Callback, EarlyStopping

from skae import AutoencoderTransformer

PARAMS = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}


def make_table(n_samples=60):
    rng = np.random.RandomState(0)
    table = rng.uniform(size=(n_samples, 2)) @ rng.uniform(size=(2, 4)) / 2
    return (table + 0.1 * rng.uniform(size=table.shape)).clip(0, 1)


X = make_table()


class NoList(Callback):
    """A callback outside a list; its name does not change from run to run."""

    def __repr__(self):
        return "NoList()"


NAMED = pd.DataFrame(X, columns=list("abcd"))


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(AutoencoderTransformer(2, **PARAMS).fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted model of the test's own."""
    return pickle.loads(fitted_blob)


def everything(ae):
    """What a fitted model answers, and what it says of itself."""
    return {
        "codes": ae.transform(X),
        "scores": ae.score_samples(X),
        "reconstructed": ae.reconstruct(X),
        "curve": np.array(ae.loss_curve_),
        "loss": np.array([ae.loss_, ae.n_iter_, ae.n_features_in_, ae.n_components_]),
    }


def assert_survives(ae, error, match, call):
    """Run a call that must fail; the fitted model must answer as before, to the last bit."""
    before = everything(ae)
    with pytest.raises(error, match=match):
        call()
    after = everything(ae)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def with_value(value, dtype=np.float64):
    bad = X.astype(dtype)
    bad[3, 1] = value
    return bad


BAD_ROWS = {
    "infinity": (with_value(-np.inf), "contains infinity"),
    "sparse_nan": (sparse.csr_array(with_value(np.nan)), "contains NaN"),
    "float32_infinity": (with_value(np.inf, np.float32), "contains infinity"),
    "no_rows": (X[:0], "0 sample"),
    "one_dimension": (X[0], "Expected 2D array"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "warm_start"])
@pytest.mark.parametrize(("bad", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_rows_in_training(fitted, method, bad, message):
    fitted.set_params(warm_start=method == "warm_start")
    train = getattr(fitted, method if method != "warm_start" else "fit")
    assert_survives(fitted, ValueError, message, lambda: train(bad))
    with pytest.raises(ValueError, match=message):
        getattr(AutoencoderTransformer(**PARAMS), train.__name__)(bad)


# A table with text can be fitted, but a model of numbers has no use for it.
ONLY_IN_USE = {
    "nan": (np.where(np.arange(60)[:, None] == 3, np.nan, X), "Row 3 of X.* has no value"),
    "words": (np.full((20, 4), "word"), "could not convert string"),
}


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples", "score"])
@pytest.mark.parametrize(
    ("bad", "message"), (BAD_ROWS | ONLY_IN_USE).values(), ids=BAD_ROWS | ONLY_IN_USE
)
def test_bad_rows_in_use(fitted, method, bad, message):
    assert_survives(fitted, ValueError, message, lambda: getattr(fitted, method)(bad))


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples", "partial_fit"])
def test_wrong_width(fitted, method):
    message = "X has 3 features, but AutoencoderTransformer is expecting 4 features"
    assert_survives(fitted, ValueError, message, lambda: getattr(fitted, method)(X[:, :3]))
    fitted.set_params(warm_start=True)
    assert_survives(fitted, ValueError, message, lambda: fitted.fit(X[:, :3]))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((3, 3)), "X has 3 columns.*n_components_=2"),
        (np.zeros((3, 4)), "X has 4 columns.*n_components_=2"),
        (np.full((3, 2), np.nan), "contains NaN"),
        (np.zeros(2), "Expected 2D array"),
    ],
)
def test_bad_codes(fitted, codes, message):
    assert_survives(fitted, ValueError, message, lambda: fitted.inverse_transform(codes))


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples", "partial_fit"])
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (NAMED[["b", "a", "c", "d"]], "same order as they were in fit"),
        (NAMED.rename(columns={"a": "z"}), "unseen at fit time"),
        (NAMED[["a", "b", "c"]], "seen at fit time, yet now missing"),
    ],
)
def test_columns_in_another_order_or_renamed(method, other, message):
    ae = AutoencoderTransformer(2, **PARAMS).fit(NAMED)
    before = ae.transform(NAMED)
    with pytest.raises(ValueError, match=message):
        getattr(ae, method)(other)
    np.testing.assert_array_equal(ae.transform(NAMED), before)
    assert list(ae.feature_names_in_) == list("abcd")


def test_a_failed_fit_keeps_the_names_of_the_columns(fitted):
    fitted.fit(NAMED)
    other = NAMED.rename(columns={"a": "z"}).assign(z=np.inf)
    before = fitted.transform(NAMED)
    with pytest.raises(ValueError, match="infinity"):
        fitted.fit(other)
    assert list(fitted.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(fitted.transform(NAMED), before)


@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "reconstruct", "score_samples", "score"]
)
def test_unfitted(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(AutoencoderTransformer(), method)(X)


BAD_PARAMETERS = [
    *[({"n_components": k}, "n_components") for k in (0, -1, 1.5, 0.0, 1.0, "mle", None, np.nan)],
    *[({"hidden_layer_sizes": s}, "hidden_layer_sizes") for s in ((0,), (5, -2), (5.0,), ("a",))],
    ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": ((5, 3),)}, "hidden_layer_sizes"),
    ({"activation": "sigmoidal"}, "activation"),
    ({"loss": "mse"}, "loss"),
    ({"optimizer": "newton"}, "optimizer"),
    ({"learning_rate_init": 0.0}, "learning_rate_init"),
    ({"validation_fraction": 1.0}, "validation_fraction"),
    ({"device": "abacus"}, "device='abacus' is no torch device"),
    ({"device": "cuda:"}, "device='cuda:' is no torch device"),
    # It exists, but its tensors hold no numbers.
    ({"device": "meta"}, "device='meta'"),
    ({"callbacks": [1]}, "callback"),
    ({"callbacks": ["print"]}, "callback"),
    ({"callbacks": [("name", 1)]}, "callback"),
    ({"callbacks": NoList()}, "callback"),
    ({"early_stopping": True, "validation_fraction": 0.01}, "early_stopping.*n_samples=60 rows"),
    ({"early_stopping": True, "validation_fraction": 0.99}, "early_stopping.*n_samples=60 rows"),
]


@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS, ids=str)
def test_bad_parameters(fitted, params, message):
    fitted.set_params(**params)
    assert_survives(fitted, (ValueError, TypeError), message, lambda: fitted.fit(X))
    if "early_stopping" not in params:
        fresh = AutoencoderTransformer(**PARAMS | params)
        with pytest.raises((ValueError, TypeError), match=message):
            fresh.partial_fit(X)
        with pytest.raises(NotFittedError):
            fresh.transform(X)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_asked_for_and_absent(fitted):
    fitted.set_params(device="cuda")
    message = "device='cuda' was asked for, but it is not available .* Use device='cpu'"
    assert_survives(fitted, ValueError, message, lambda: fitted.fit(X))


@pytest.mark.parametrize("n_samples", [2, 3])
def test_too_few_rows_for_the_validation_split(fitted, n_samples):
    fitted.set_params(early_stopping=True, validation_fraction=0.1)
    message = f"n_samples={n_samples} rows, which makes 1 validation"
    assert_survives(fitted, ValueError, message, lambda: fitted.fit(X[:n_samples]))
    # The cure that the message names works.
    fitted.set_params(early_stopping=False).fit(X[:n_samples])


def test_one_row(fitted):
    assert_survives(fitted, ValueError, "minimum of 2 is required", lambda: fitted.fit(X[:1]))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        AutoencoderTransformer(**PARAMS).partial_fit(X[:1])
    # A network that stands can take one more row, and needs no more to be used.
    before = fitted.transform(X)
    assert fitted.transform(X[:1]).shape == (1, 2)
    fitted.partial_fit(X[:1])
    assert np.abs(fitted.transform(X) - before).max() > 0
    assert np.isfinite(fitted.transform(X)).all()


WEIGHTS = [
    (np.full(60, -1.0), "Negative values"),
    (np.zeros(60), "zero"),
    (np.eye(1, 60).ravel(), "1 row with a weight above zero"),
    (np.ones(59), r"sample_weight.shape == \(59,\)"),
    (np.ones((60, 2)), "Sample weights must be 1D"),
    (np.full(60, np.nan), "contains NaN"),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
@pytest.mark.parametrize(("weights", "message"), WEIGHTS, ids=[m for _, m in WEIGHTS])
def test_bad_weights(fitted, method, weights, message):
    if "1 row" in message and method != "fit":
        getattr(fitted, method)(X, sample_weight=weights)  # one row is enough for these
        return
    call = getattr(fitted, method)
    assert_survives(fitted, ValueError, message, lambda: call(X, sample_weight=weights))


@pytest.mark.parametrize(
    ("loss", "bad", "message"),
    [
        ("log_loss", X - 0.5, r"loss='log_loss' needs values in \[0, 1\]"),
        ("log_loss", X + 0.7, r"loss='log_loss' needs values in \[0, 1\]"),
        ("poisson", X - 0.5, "loss='poisson' needs values of zero or more"),
        ("poisson", sparse.csr_array(X - 0.5), "loss='poisson' needs values of zero or more"),
    ],
)
def test_data_outside_the_range_of_the_loss(loss, bad, message):
    ae = AutoencoderTransformer(2, loss=loss, **PARAMS)
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(ae, method)(bad)
    ae.fit(X)
    for method in ("fit", "partial_fit", "score_samples", "score"):
        assert_survives(ae, ValueError, message, lambda m=method: getattr(ae, m)(bad))
    ae.set_params(warm_start=True)
    assert_survives(ae, ValueError, message, lambda: ae.fit(bad))
    # The control: the same rows inside the range pass.
    ae.fit(X).partial_fit(X)
    assert np.isfinite(ae.score(X))


DIVERGING = {"optimizer": "sgd", "learning_rate_init": 1e20, "learning_rate": "constant"}


@pytest.mark.parametrize(
    ("method", "max_iter", "init", "early_stopping"),
    # With one batch and one epoch only the weights that are left are infinite, no recorded loss.
    [
        *pairwise(["fit", "partial_fit", "warm_start"], [1, 3], ["pca", "random"], [False, True]),
        ("fit", 1, "random", False),
        ("warm_start", 1, "random", False),
    ],
)
def test_diverging_loss(method, max_iter, init, early_stopping):
    # One batch of float64 would be trained in float64, where 1e20 is far from overflowing.
    rows = X.astype(np.float32)
    params = PARAMS | {"init": init, "early_stopping": early_stopping, "max_iter": max_iter}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ae = AutoencoderTransformer(2, **params | DIVERGING | {"learning_rate_init": 1e-3}).fit(
            rows
        )
    ae.set_params(learning_rate_init=1e20, warm_start=method == "warm_start")
    train = ae.partial_fit if method == "partial_fit" else ae.fit
    if init == "pca" and max_iter == 1 and not early_stopping and method != "partial_fit":
        # Going back to the start is as good as an error, if it happens.
        with suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            train(rows)
        assert np.isfinite(ae.transform(X)).all()
        return
    assert_survives(
        ae, ValueError, "loss became (nan|inf).*smaller learning_rate_init", lambda: train(rows)
    )


def test_training_goes_on_after_a_failure_as_if_it_had_not_been(fitted_blob):
    def train(with_failure):
        ae = pickle.loads(fitted_blob).set_params(optimizer="adam")
        ae.partial_fit(X[:30])
        if with_failure:
            with pytest.raises(ValueError, match="NaN"):
                ae.partial_fit(with_value(np.nan))
            ae.set_params(learning_rate_init=1e200)
            with pytest.raises(ValueError, match="loss became"):
                ae.partial_fit(np.tile(X, (10, 1)))
            ae.set_params(warm_start=True, alpha=0.1)
            with pytest.raises(ValueError, match="loss became"):
                ae.fit(np.tile(X, (10, 1)))
            ae.set_params(warm_start=False, alpha=0.0)
            ae.set_params(learning_rate_init=AutoencoderTransformer().learning_rate_init)
        return ae.partial_fit(X[30:])

    undisturbed, disturbed = everything(train(False)), everything(train(True))
    for name, value in undisturbed.items():
        np.testing.assert_array_equal(disturbed[name], value, err_msg=name)


@pytest.mark.parametrize(
    "change",
    [{"n_components": 3}, {"hidden_layer_sizes": (6,)}, {"dropout": 0.5}, {"loss": "log_loss"}],
    ids=str,
)
def test_warm_start_refuses_what_cannot_be_continued(fitted, change):
    """A loss brings its own scaling and link, so it cannot change any more than the network."""
    fitted.set_params(warm_start=True, **change)
    assert_survives(fitted, ValueError, "changed since the first fit", lambda: fitted.fit(X))
    fitted.set_params(warm_start=False).fit(X)


def test_an_error_in_a_callback(fitted):
    class Fails(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise RuntimeError("from the callback")

    fitted.set_params(callbacks=[Fails()])
    assert_survives(fitted, RuntimeError, "from the callback", lambda: fitted.fit(X))


class InterruptAt(Callback):
    """Press Ctrl-C in an epoch, at its begin, its end or in one of its batches."""

    def __init__(self, event, epoch):
        self.event = event
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        self._press("epoch_begin", net)

    def on_epoch_end(self, net, **kwargs):
        self._press("epoch_end", net)

    def _press(self, event, net):
        if event == self.event and len(net.history) == self.epoch:
            raise KeyboardInterrupt


class InterruptInBatch(InterruptAt):
    """The same, in a callback that skorch calls for every batch."""

    def on_batch_end(self, net, **kwargs):
        self._press("batch_end", net)


@pytest.mark.parametrize(
    ("callback", "n_epochs"),
    [
        (InterruptAt("epoch_end", 4), 4),
        (InterruptAt("epoch_begin", 5), 4),
        (InterruptInBatch("batch_end", 5), 4),
    ],
    ids=["epoch_end", "epoch_begin", "batch_end"],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_the_best_model_so_far(callback, n_epochs, early_stopping):
    """The interrupted fit is the fit that was planned to end where this one was best."""
    params = PARAMS | {"n_components": 2, "init": "random", "early_stopping": early_stopping}
    # The rate is too high for the best weights to be the last.
    params |= {"learning_rate": "constant", "learning_rate_init": 0.2, "random_state": 1}
    params |= {"n_iter_no_change": 50, "batch_size": 60}
    interrupted = AutoencoderTransformer(**params | {"max_iter": 20}, callbacks=[callback])
    with pytest.warns(UserWarning, match=f"interrupted after {n_epochs} epochs.*best weights"):
        interrupted.fit(X)
    curve = interrupted.validation_loss_curve_ or interrupted.loss_curve_
    assert len(curve) == interrupted.n_iter_ == n_epochs
    best_epoch = 1 + int(np.argmin(curve))
    assert best_epoch < n_epochs
    # Listening to batches costs the fused step, whose rounding is another.
    patient = InterruptInBatch("batch_end", 10**9) if "Batch" in type(callback).__name__ else None
    planned = AutoencoderTransformer(
        **params | {"max_iter": best_epoch}, callbacks=[patient] if patient else None
    )
    with pytest.warns(ConvergenceWarning):
        planned.fit(X)
    np.testing.assert_array_equal(interrupted.transform(X), planned.transform(X))
    np.testing.assert_array_equal(interrupted.reconstruct(X), planned.reconstruct(X))
    assert interrupted.loss_curve_[:best_epoch] == planned.loss_curve_
    assert interrupted.loss_ == planned.loss_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_in_the_first_epoch_keeps_the_start(early_stopping):
    callback = InterruptInBatch("batch_end", 1)
    params = PARAMS | {"hidden_layer_sizes": (), "callbacks": [callback]}
    ae = AutoencoderTransformer(4, early_stopping=early_stopping, **params)
    with pytest.warns(UserWarning, match="interrupted after 0 epochs"):
        ae.fit(X)
    # Training starts at PCA, which loses nothing in as many components as columns.
    np.testing.assert_allclose(ae.reconstruct(X), X, atol=1e-3)
    assert ae.loss_curve_ == []
    pickle.loads(pickle.dumps(ae.set_params(callbacks=None))).partial_fit(X)


def test_an_interrupt_of_warm_start_and_partial_fit_keeps_a_usable_model(fitted):
    for method in ("fit", "partial_fit"):
        interrupt = InterruptAt("epoch_end", fitted.n_iter_ + 1)
        fitted.set_params(warm_start=True, callbacks=[interrupt])
        with pytest.warns(UserWarning, match="interrupted"):
            getattr(fitted, method)(X)
        assert np.isfinite(fitted.transform(X)).all()


def test_early_stopping_of_skorch_ends_training_without_a_warning():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=lambda _: None)
    ae = AutoencoderTransformer(2, **PARAMS | {"max_iter": 30}, callbacks=[stop]).fit(X)
    assert 1 < ae.n_iter_ < 10
    assert AutoencoderTransformer(2, **PARAMS | {"max_iter": 30}).fit(X).n_iter_ > ae.n_iter_


POOR = {
    "one_column": X[:, :1],
    "constant_column": np.c_[X, np.full(60, 0.3)],
    "all_constant": np.full((60, 3), 0.3),
    "all_zero": np.zeros((60, 2)),
    "two_rows": X[:2],
}


@pytest.mark.parametrize(
    ("table", "normalization", "init", "loss"),
    pairwise(
        POOR,
        [None, "batch"],
        ["pca", "random"],
        ["squared_error", "huber", "poisson", "log_loss"],
    ),
)
def test_tables_that_are_poor_but_valid(table, normalization, init, loss):
    table = POOR[table]
    ae = AutoencoderTransformer(1, loss=loss, init=init, normalization=normalization, **PARAMS)
    codes = ae.fit(table).transform(table)
    assert codes.shape == (len(table), 1)
    for result in (codes, ae.reconstruct(table), ae.score_samples(table), ae.loss_):
        assert np.isfinite(result).all()


@pytest.mark.parametrize("n_components", [1, "auto", 0.9])
def test_constant_data_is_reconstructed_exactly(n_components):
    table = np.full((30, 3), 1e6) + np.arange(3)
    ae = AutoencoderTransformer(n_components, **PARAMS).fit(table)
    np.testing.assert_allclose(ae.reconstruct(table), table, rtol=1e-6)


@pytest.mark.parametrize(
    ("unit", "batch_size", "to_input"),
    # A whole table in one batch is trained in float64, batches of it in float32.
    pairwise([2.0**-664, 2.0**-60, 2.0**60, 2.0**400], [60, 20], [np.asarray, sparse.csr_array]),
)
def test_the_unit_of_the_data_changes_nothing(unit, batch_size, to_input):
    params = PARAMS | {"batch_size": batch_size}
    plain = AutoencoderTransformer(2, **params).fit(to_input(X))
    table = to_input(X * unit)
    ae = AutoencoderTransformer(2, **params).fit(table)
    np.testing.assert_allclose(ae.transform(table), plain.transform(X), atol=1e-6)
    np.testing.assert_allclose(ae.reconstruct(table) / unit, plain.reconstruct(X), atol=1e-6)
    assert np.isfinite(ae.score_samples(table)).all()


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array])
def test_values_whose_square_is_no_number(fitted, to_input):
    table = to_input(X * 1e300)
    assert_survives(fitted, ValueError, "too large.*Scale the data", lambda: fitted.fit(table))


@pytest.mark.parametrize("params", [{"batch_size": 1}, {}], ids=["fit", "partial_fit"])
def test_batch_normalization_of_single_rows_is_refused(params):
    ae = AutoencoderTransformer(2, hidden_layer_sizes=(6,), max_iter=2, normalization="batch")
    ae.fit(X).set_params(**params)
    train = (lambda: ae.fit(X)) if params else (lambda: ae.partial_fit(X[:1]))
    assert_survives(ae, ValueError, "normalization='batch' needs batches of at least 2", train)
