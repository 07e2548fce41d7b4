"""Tables that are poor but valid, and values at the limits of their type."""

import numpy as np
import pytest
from bad_input_cases import PARAMS, X, assert_survives
from fused_cases import pairwise
from scipy import sparse

from skae import AutoencoderTransformer

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
