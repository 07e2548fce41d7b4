"""Bad input gets a clear error, and a fitted model survives it."""

import pickle
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import torch
from bad_input_cases import PARAMS, X, assert_survives, everything, with_value
from fused_cases import pairwise
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from skorch.callbacks import Callback

from skae import AutoencoderTransformer


class NoList(Callback):
    """A callback outside a list; its name does not change from run to run."""

    def __repr__(self):
        return "NoList()"


NAMED = pd.DataFrame(X, columns=list("abcd"))


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
