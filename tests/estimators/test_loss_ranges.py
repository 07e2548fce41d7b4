"""Losses with a range or a link: rounding at the edges, starts, the error of the column means."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)

SMALL = {"hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}
CANCER = load_breast_cancer().data
DIGITS = load_digits().data

# -- rounding at the edges -------------------------------------------------------------------

SCALED = MinMaxScaler().fit_transform(CANCER)


def test_the_table_has_values_beyond_one():
    assert 1 < SCALED.max() < 1 + 1e-12


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
def test_what_minmaxscaler_makes_is_taken_everywhere(estimator):
    ae = estimator(5, loss="log_loss", **SMALL)
    clipped = SCALED.clip(0, 1)
    found, expected = ae.fit(SCALED), estimator(**ae.get_params()).fit(clipped)
    assert_allclose(found.transform(SCALED), expected.transform(clipped), atol=1e-6)
    for method in ("score_samples", "reconstruct", "transform"):
        for low, high in ((-(2.0**-52), 1 + 2.0**-52), (-5e-8, 1 + 2.0**-23)):
            rows = np.vstack([np.full(30, low), np.full(30, high)])
            got = getattr(ae, method)(rows)
            assert_allclose(got, getattr(ae, method)(rows.clip(0, 1)), rtol=1e-5, atol=1e-5)
    folds = cross_val_score(make_pipeline(MinMaxScaler(clip=True), ae), CANCER, cv=3)
    assert np.isfinite(folds).all()


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array, np.float32])
def test_counts_may_be_below_zero_by_rounding(to_input):
    X = np.random.default_rng(0).poisson(1.0, (60, 5)).astype(float)
    rounded = np.where(X == 0, -1e-9, X)
    ae = AutoencoderTransformer(2, loss="poisson", batch_size=60, **SMALL)
    expected = ae.fit(to_input(X)).score_samples(to_input(X))
    assert_allclose(ae.fit(to_input(rounded)).score_samples(to_input(rounded)), expected, rtol=1e-4)


@pytest.mark.parametrize("excess", [1e-3, 2e-6])
def test_true_excess_is_refused_with_the_way_out(excess):
    ae = AutoencoderTransformer(5, loss="log_loss", **SMALL).fit(SCALED)
    with pytest.raises(ValueError, match=r"Values too large.*1\.00.*MinMaxScaler\(clip=True\)"):
        ae.score_samples(SCALED + excess)
    with pytest.raises(ValueError, match=r"Negative values.*MinMaxScaler\(clip=True\)"):
        AutoencoderTransformer(loss="log_loss").fit(SCALED - excess)
    with pytest.raises(ValueError, match="zero or more"):
        AutoencoderTransformer(loss="poisson").fit(SCALED - excess)


# -- starts through a link -------------------------------------------------------------------


def counts(seed):
    """Counts whose rows and columns differ widely, beyond what one rate can explain."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.normal(size=(500, 1)) + rng.normal(size=(1, 20)))
    return rng.poisson(rates * np.exp(rng.normal(0, 0.5, (500, 20)))).astype(float)


def rare(seed):
    return np.random.default_rng(seed).poisson(0.02, (400, 30)).astype(float)


TABLES = {
    "overdispersed": counts(0),
    "other_seed": counts(2),
    "rare": rare(0),
    "digits": DIGITS[:500],
    "heavy": np.random.default_rng(0).negative_binomial(0.3, 0.02, (300, 12)).astype(float),
}


def deviance_of_means(X):
    varying = X[:, X.any(axis=0)]
    means = np.broadcast_to(varying.mean(axis=0), varying.shape)
    return mean_poisson_deviance(varying.ravel(), means.ravel()) * varying.shape[1] / X.shape[1]


def deviance(X, rates):
    return 2 * np.mean(xlogy(X, X) - xlogy(X, rates) - X + rates)


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, NestedAutoencoder])
@pytest.mark.parametrize("table", TABLES)
def test_poisson_starts_and_ends_below_the_column_means(table, estimator):
    X = TABLES[table]
    # A rate of nothing stays at the start.
    still = {"learning_rate_init": 1e-12, "max_iter": 1}
    start = estimator(4, loss="poisson", **SMALL | still).fit(X)
    assert deviance(X, start.reconstruct(X)) < deviance_of_means(X) * (1 + 1e-5) + 1e-5
    ae = estimator(4, loss="poisson", **SMALL | {"max_iter": 15}).fit(X)
    assert deviance(X, ae.reconstruct(X)) < 0.9 * deviance_of_means(X)
    assert_allclose(-ae.score(X), deviance(X, ae.reconstruct(X)), rtol=1e-3)


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
def test_log_loss_starts_below_the_column_means(estimator):
    for X in (SCALED, (DIGITS > 8).astype(float), (np.arange(90).reshape(30, 3) == 4) * 1.0):
        params = SMALL | {"learning_rate_init": 1e-12, "max_iter": 1}
        shares = estimator(2, loss="log_loss", **params).fit(X).reconstruct(X).clip(1e-9, 1 - 1e-9)
        means = np.broadcast_to(X.mean(axis=0), X.shape)
        loss, of_means = (-np.mean(xlogy(X, p) + xlogy(1 - X, 1 - p)) for p in (shares, means))
        assert loss < of_means * (1 + 1e-4) + 1e-5


@pytest.mark.parametrize(
    "ae",
    [
        AutoencoderTransformer(4, loss="poisson", init="random"),
        SparseAutoencoder(10, loss="poisson"),
        SparseAutoencoder(10, loss="poisson", penalty="l1"),
        SparseAutoencoder(10, loss="poisson", penalty="batch_top_k"),
    ],
    ids=lambda ae: repr(ae).replace("\n", ""),
)
@pytest.mark.parametrize(("rate", "max_iter"), [(1e-12, 1), (1e-3, 12)])
def test_random_starts_begin_and_end_below_the_column_means(ae, rate, max_iter):
    params = {"learning_rate_init": rate, "max_iter": max_iter, "random_state": 0}
    for X in (TABLES["overdispersed"], TABLES["other_seed"]):
        fitted = clone(ae).set_params(**params).fit(X)
        assert deviance(X, fitted.reconstruct(X)) < deviance_of_means(X) * (1 + 1e-3)


@pytest.mark.parametrize(
    "ae",
    [
        AutoencoderTransformer(4, loss="poisson"),
        AutoencoderTransformer(4, loss="poisson", init="random"),
        DenoisingAutoencoder(4, loss="poisson"),
        AdversarialAutoencoder(4, loss="poisson"),
        SparseAutoencoder(4, loss="poisson"),
    ],
    ids=lambda ae: repr(ae),
)
def test_a_fit_that_only_gets_worse_goes_back_below_the_column_means(ae):
    X, params = counts(0), {"max_iter": 2, "hidden_layer_sizes": (16,), "random_state": 0}
    ae.set_params(**params, learning_rate_init=50, early_stopping=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        ae.fit(X)
    assert deviance(X, ae.reconstruct(X)) < deviance_of_means(X) * (1 + 1e-3)
    assert -ae.score(X) < deviance_of_means(X) * (1 + 1e-3)
    # Those with a start at PCA go back to it anyway; its objective is the reconstruction.
    if type(ae) in (AdversarialAutoencoder, SparseAutoencoder):
        assert "so training was undone" in str(caught[-1].message)


# -- a fit that is of no use -----------------------------------------------------------------

NOISE = np.random.default_rng(0).normal(size=(400, 12))


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, AdversarialAutoencoder])
def test_a_fit_above_the_column_means_warns(estimator):
    params = {"init": "random", "optimizer": "sgd", "max_iter": 3, "hidden_layer_sizes": (16,)}
    bad = estimator(3, learning_rate_init=1e-9, random_state=0, **params)
    with pytest.warns(ConvergenceWarning, match="above the error of the column means") as caught:
        bad.fit(NOISE)
    assert [warning.filename for warning in caught] == [__file__]
    error = ((bad.reconstruct(NOISE) - NOISE) ** 2).mean()
    assert error > NOISE.var(axis=0).mean()
    assert f"{error:.4g} against {NOISE.var(axis=0).mean():.4g}" in str(caught[0].message)
    # The control: one that learns says nothing.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        good = estimator(3, random_state=0, hidden_layer_sizes=(16,), max_iter=10).fit(NOISE)
    assert ((good.reconstruct(NOISE) - NOISE) ** 2).mean() < NOISE.var(axis=0).mean()


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, SparseAutoencoder])
def test_the_warning_advises_only_what_the_estimator_takes(estimator):
    params = {"init": "random", "optimizer": "sgd", "max_iter": 2, "random_state": 0}
    bad = estimator(3, learning_rate_init=1e-9, hidden_layer_sizes=(16,), **params)
    with pytest.warns(ConvergenceWarning, match="above the error of the column means") as caught:
        bad.fit(NOISE)
    assert ("init='pca'" in str(caught[0].message)) == (estimator is AutoencoderTransformer)


def test_the_warning_counts_weights():
    weight = np.where(np.arange(400) < 200, 1.0, 1e-6)
    X = NOISE + 5.0 * (np.arange(400) >= 200)[:, None]
    params = {"init": "random", "optimizer": "sgd", "max_iter": 1, "learning_rate_init": 1e-9}
    ae = AutoencoderTransformer(3, **params, random_state=0)
    with pytest.warns(ConvergenceWarning) as caught:
        ae.fit(X, sample_weight=weight)
    of_means = float(re.search(r"against ([\d.]+),", str(caught[0].message))[1])
    # Without the weights it would be the seven times larger one of all rows.
    assert_allclose(of_means, X[:200].var(axis=0).mean(), rtol=1e-3)


# -- columns of other units ------------------------------------------------------------------


def people(n=300):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"age": rng.normal(40, 12, n), "income": rng.lognormal(10, 1, n), "share": rng.random(n)}
    )


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_columns_that_differ_a_thousandfold_warn(method):
    with pytest.warns(UserWarning, match=r"'income' has .*'age' has .* 2 of 3 columns.*Standard"):
        getattr(AutoencoderTransformer(2, **SMALL), method)(people())
    with pytest.warns(UserWarning, match=r"'x1' has .*'x0' has"):
        getattr(AutoencoderTransformer(2, **SMALL), method)(people().to_numpy())


def test_columns_of_one_unit_do_not_warn():
    # A pixel that is hardly ever lit varies little, and is no column of another unit.
    corner = np.zeros(len(DIGITS))
    corner[0] = 1
    tables = [np.c_[DIGITS * 15, corner], StandardScaler().fit_transform(people())]
    tables.append(np.c_[NOISE, np.full(400, 7.0)])
    for X in tables:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            AutoencoderTransformer(2, **SMALL).fit(X)


def test_a_row_is_taken_whatever_comes_with_it():
    ae = AutoencoderTransformer(2, loss="log_loss", **SMALL).fit(SCALED)
    rows = np.vstack([np.full(30, -3e-17), np.ones(30)])
    assert_allclose(ae.score_samples(rows[:1]), ae.score_samples(rows)[:1])
    X = np.random.default_rng(0).poisson(3.0, (60, 5)).astype(float)
    ae = AutoencoderTransformer(2, loss="poisson", **SMALL).fit(X)
    rows = np.vstack([np.r_[-1e-9, np.zeros(4)], X[0]])
    assert_allclose(ae.score_samples(rows[:1]), ae.score_samples(rows)[:1])
