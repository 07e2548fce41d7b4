"""Draws of what is missing, and Rubin's rules."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skae import AutoencoderImputer
from skae.imputation import pool_estimates


def normal_rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.multivariate_normal([0, 0, 0], [[1, 0.7, 0.3], [0.7, 1, 0.5], [0.3, 0.5, 1]], n_rows)
    gaps = np.zeros(X.shape, dtype=bool)
    # Gaps of the last column depend on the first.
    gaps[:, 2] = rng.random(n_rows) < stats.norm.cdf(1.5 * X[:, 0])
    return X, gaps


def test_draws_vary_as_hidden_values_do():
    X, gaps = normal_rows(1000, 0)
    given = np.where(gaps, np.nan, X)
    imputer = AutoencoderImputer(max_iter=0, n_imputations=20, random_state=0).fit(given)
    drawn = np.stack([one[gaps] for one in imputer.sample_imputations(given)])
    expected = imputer.transform(given)[gaps]
    # The residual variance of the third column given the others is 1 - 0.253...
    truth = np.linalg.inv(np.cov(X.T))[2, 2] ** -0.5
    assert 0.9 * truth < np.std(drawn - drawn.mean(axis=0)) < 1.15 * truth
    assert np.std(expected) < 0.8 * np.std(X[gaps])
    reach = stats.norm.ppf(0.95) * drawn.std(axis=0)
    assert 0.82 < (np.abs(X[gaps] - drawn.mean(axis=0)) < reach).mean() < 0.95


def test_draws_of_categories_and_numbers_fit_together():
    rng = np.random.default_rng(0)
    size = rng.choice(["s", "l"], 400)
    price = np.where(size == "l", 20.0, 5.0) + rng.normal(size=400)
    table = pd.DataFrame({"size": size, "price": price, "other": rng.normal(size=400)})
    # Both are missing together.
    table.loc[:99, ["size", "price"]] = None
    imputer = AutoencoderImputer(max_iter=0, n_imputations=2, random_state=0).fit(table)
    for completed in imputer.sample_imputations(table):
        drawn = completed.iloc[:100]
        shares = (drawn["size"] == "l").mean()
        assert 0.3 < shares < 0.7
        assert ((drawn["price"] > 12.5) == (drawn["size"] == "l")).mean() > 0.95


def test_draws_of_two_categories_fit_together():
    size = np.random.default_rng(0).choice(["s", "l"], 300)
    table = pd.DataFrame({"size": size, "cost": np.where(size == "l", "high", "low")})
    table["other"] = np.random.default_rng(1).normal(size=300)
    table.loc[:99, ["size", "cost"]] = None
    imputer = AutoencoderImputer(max_iter=0, n_imputations=2, random_state=0).fit(table)
    for completed in imputer.sample_imputations(table):
        drawn = completed.iloc[:100]
        assert 0.3 < (drawn["size"] == "l").mean() < 0.7
        # Draws apart from each other agree in half of the rows.
        assert ((drawn["size"] == "l") == (drawn["cost"] == "high")).mean() > 0.95


def test_draws_are_of_all_rows_of_a_large_table_that_is_sorted():
    X = np.random.default_rng(0).normal(size=(14_000, 2))
    X[10_000:, 0] += 5.0
    gaps = np.random.default_rng(1).random(len(X)) < 0.2
    given = np.column_stack([np.where(gaps, np.nan, X[:, 0]), X[:, 1]])
    imputer = AutoencoderImputer(max_iter=0, n_imputations=2, random_state=0).fit(given)
    for completed in imputer.sample_imputations(given):
        # The first 10,000 rows have a mean of zero.
        assert abs(completed[gaps, 0].mean() - X[:, 0].mean()) < 0.3


def test_posterior_draws_of_transform():
    X, gaps = normal_rows(300, 1)
    given = np.where(gaps, np.nan, X)
    imputer = AutoencoderImputer(max_iter=0, sample_posterior=True, random_state=0).fit(given)
    drawn = imputer.transform(given)
    np.testing.assert_array_equal(drawn, imputer.transform(given))
    np.testing.assert_array_equal(drawn, imputer.sample_imputations(given)[0])
    plain = AutoencoderImputer(max_iter=0, random_state=0).fit(given).transform(given)
    assert np.var(drawn[gaps]) > 1.2 * np.var(plain[gaps])


def test_pooled_means_cover_where_those_of_complete_rows_are_biased():
    covered, biased = 0, []
    for seed in range(20):
        X, gaps = normal_rows(200, seed)
        given = np.where(gaps, np.nan, X)
        imputer = AutoencoderImputer(max_iter=0, n_imputations=5, random_state=0).fit(given)
        tables = imputer.sample_imputations(given)
        pooled = pool_estimates(
            [one[:, 2].mean() for one in tables], [one[:, 2].var() / len(one) for one in tables]
        )
        covered += pooled.lower < 0 < pooled.upper
        biased.append(X[~gaps[:, 2], 2].mean())
    assert covered >= 16
    assert np.mean(biased) < -0.1


def test_rubins_rules_by_hand():
    estimates, variances = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.6])
    pooled = pool_estimates(estimates, variances, confidence=0.9)
    within, between = 0.5, 1.0
    total = within + (1 + 1 / 3) * between
    freedom = 2 * (1 + within / ((1 + 1 / 3) * between)) ** 2
    reach = stats.t.ppf(0.95, freedom) * np.sqrt(total)
    assert pooled.estimate == 2.0
    assert "np." not in repr(pooled)
    np.testing.assert_allclose(pooled.standard_error, np.sqrt(total))
    np.testing.assert_allclose(pooled.degrees_of_freedom, freedom)
    np.testing.assert_allclose([pooled.lower, pooled.upper], [2 - reach, 2 + reach])


def test_without_gaps_the_pooled_error_is_that_of_one_table():
    pooled = pool_estimates([[1.0, 2.0]] * 4, [[0.25, 1.0]] * 4)
    np.testing.assert_allclose(pooled.standard_error, [0.5, 1.0])
    normal = stats.norm.ppf(0.975) * pooled.standard_error
    np.testing.assert_allclose(pooled.upper - pooled.estimate, normal, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], [1.0]), "minimum of 2"),
        (([1.0, 2.0], [1.0]), "minimum of 2"),
        (([1.0, 2.0], [1.0, -1.0]), "none of them negative"),
        (([1.0, 2.0], [[1.0], [1.0]]), "shape"),
    ],
)
def test_bad_input_of_rubins_rules(arguments, words):
    with pytest.raises(ValueError, match=words):
        pool_estimates(*arguments)
