"""The variational autoencoder of tables with columns of several types and with gaps."""

import numpy as np
import pandas as pd
import pytest
import torch
from mixed_cases import table, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from skae import AutoencoderTransformer, VariationalAutoencoder

PARAMS = {"n_components": 3, "hidden_layer_sizes": (64,), "max_iter": 15, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return VariationalAutoencoder(**PARAMS).fit(with_gaps(table()))


def numbers(n_rows=500):
    """Rows of four numbers in very different units, of which a fifth is missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 4)) + 0.3 * rng.normal(size=(n_rows, 4))
    X = X * [1.0, 100.0, 1e-3, 1.0] + [0.0, 1e3, 0.0, 5.0]
    holes = rng.uniform(size=X.shape) < 0.2
    holes[:, 0] = False
    return np.where(holes, np.nan, X)


def test_scores_are_likelihoods_of_the_cells_that_have_a_value():
    X = numbers(250)
    vae = VariationalAutoencoder(2, hidden_layer_sizes=(), max_iter=20, n_draws=400, random_state=0)
    vae.fit(X)
    # A linear decoder makes the likelihood normal, with a covariance that is known.
    mean = vae.inverse_transform(np.zeros((1, 2)))[0]
    factors = vae.inverse_transform(np.eye(2)) - mean
    covariance = factors.T @ factors + np.diag(vae.noise_variance_)
    seen, unit = ~np.isnan(X), np.nanstd(X, axis=0)
    rows, mean, covariance = X / unit, mean / unit, covariance / np.outer(unit, unit)
    exact = [
        multivariate_normal(mean[s], covariance[np.ix_(s, s)]).logpdf(row[s])
        - np.log(unit[s]).sum()
        for row, s in zip(rows, seen, strict=True)
    ]
    scores = vae.score_samples(X)
    assert_allclose(scores.mean(), np.mean(exact), atol=0.05)
    assert (vae.elbo(X) <= scores + 1e-6).all()
    # It is the model of factor analysis, whose best likelihood is not far above.
    assert_allclose(vae.loss_, -vae.elbo(X).mean(), atol=0.05)
    assert (vae.noise_variance_ / np.nanvar(X, axis=0) < 0.5).all()


def test_columns_alone_add_up_given_the_code(fitted):
    frame = with_gaps(table())
    by_column = fitted.score_columns(frame)
    assert_array_equal(by_column.isna(), frame.isna())
    assert_array_equal(by_column.index, frame.index)
    back = fitted.reconstruct(frame)
    expected = -0.5 * np.log(2 * np.pi * fitted.noise_variance_[1]) - (
        frame["income"] - back["income"]
    ) ** 2 / (2 * fitted.noise_variance_[1])
    assert_allclose(by_column["income"], expected, rtol=1e-4)
    assert (by_column["city"].dropna() <= 0).all()
    assert (fitted.noise_variance_ > 0).tolist() == [True, True, False, False, True, False]


def test_score_columns_of_numbers_is_in_nats_too():
    X = np.random.default_rng(0).normal(size=(100, 2)) @ np.ones((2, 4))
    vae = VariationalAutoencoder(1, max_iter=3, random_state=0).fit(X)
    squares = (X - vae.reconstruct(X)) ** 2
    expected = -0.5 * (squares / vae.noise_variance_ + np.log(2 * np.pi * vae.noise_variance_))
    assert_allclose(vae.score_columns(X), expected, rtol=1e-5)


def test_units_of_columns_change_nothing_but_the_volume(fitted):
    frame = with_gaps(table())
    other = VariationalAutoencoder(**PARAMS).fit(frame.assign(income=frame["income"] * 1024))
    scores = other.score_samples(frame.assign(income=frame["income"] * 1024))
    assert_allclose(scores, fitted.score_samples(frame) - np.log(1024), atol=1e-3)


def test_an_unknown_category_costs_the_logarithm_of_the_rows(fitted):
    known = table()[:5]
    unknown, gap = known.assign(city="Atlantis"), known.assign(city=None)
    cost = fitted.score_samples(gap) - fitted.score_samples(unknown)
    assert_allclose(cost, np.log(401), rtol=1e-5)


def test_the_fit_is_better_than_its_start_and_fills_gaps(fitted):
    frame, gappy = table(), with_gaps(table())
    start = VariationalAutoencoder(
        **PARAMS | {"hidden_layer_sizes": (), "learning_rate_init": 1e-12, "max_iter": 1}
    ).fit(gappy)
    assert fitted.loss_ < start.loss_ - 0.5
    back = fitted.reconstruct(gappy)
    for name in ("city", "grade"):
        hole = gappy[name].isna()
        right = (back[name].astype(str) == frame[name].astype(str))[hole].mean()
        assert right > frame[name].value_counts(normalize=True).max() + 0.1


def test_draws_look_like_the_table(fitted):
    frame, drawn = table(), fitted.sample(2000, random_state=0)
    assert_array_equal(drawn.dtypes, with_gaps(frame).dtypes)
    shares = drawn["city"].value_counts(normalize=True)
    assert (shares - frame["city"].value_counts(normalize=True)).abs().max() < 0.1
    assert abs(drawn["age"].mean() - frame["age"].mean()) < 0.2 * frame["age"].std()
    # Columns of a row belong together.
    assert drawn.groupby("member")["income"].mean().pct_change().iloc[1] > 1


def test_rare_categories_are_drawn_as_often_as_they_are():
    frame = table()
    # It has nothing to do with the rest of the row, so that no code makes it the likeliest one.
    frame["rare"] = np.where(np.random.default_rng(0).random(len(frame)) < 0.1, "yes", "no")
    share = (frame["rare"] == "yes").mean()
    vae = VariationalAutoencoder(**PARAMS | {"max_iter": 5}).fit(frame)
    drawn = vae.sample(2000, random_state=0)
    assert abs((drawn["rare"] == "yes").mean() - share) < 0.03
    pd.testing.assert_frame_equal(drawn, vae.sample(2000, random_state=0))
    # The control: the likeliest category of codes from the prior.
    codes = np.random.default_rng(0).normal(size=(2000, 3))
    likeliest = vae.inverse_transform(codes)
    assert (likeliest["rare"] == "yes").mean() < 0.2 * share
    pd.testing.assert_frame_equal(likeliest, vae.inverse_transform(codes))


def test_noise_that_is_given_is_in_units_of_the_columns():
    frame = with_gaps(table())
    vae = VariationalAutoencoder(noise_variance=0.25, **PARAMS | {"max_iter": 2}).fit(frame)
    assert_allclose(vae.noise_variance_[1], 0.25 * frame["income"].var(ddof=0), rtol=1e-6)


def test_a_copy_of_a_column_does_not_swallow_the_rest():
    frame = table()
    frame["again"], frame["constant"] = frame["age"], 3.0
    vae = VariationalAutoencoder(**PARAMS).fit(frame)
    plain = AutoencoderTransformer(**PARAMS).fit(frame)
    back, expected = vae.reconstruct(frame), plain.reconstruct(frame)
    assert (back["constant"] == 3.0).mean() > 0.99 or np.allclose(back["constant"], 3.0, atol=0.1)
    right = (back["grade"] == frame["grade"]).mean()
    assert right > (expected["grade"] == frame["grade"]).mean() - 0.1


def test_shares_refuse_other_columns():
    with pytest.raises(ValueError, match="loss='log_loss' does not take them"):
        VariationalAutoencoder(2, loss="log_loss").fit(table())


def test_chunks_and_weights():
    frame = with_gaps(table())
    stream = VariationalAutoencoder(**PARAMS).partial_fit(frame[:200]).partial_fit(frame[200:])
    assert np.isfinite(stream.score_samples(frame)).all()
    weight = np.arange(len(frame)) % 2
    weighted = VariationalAutoencoder(**PARAMS).fit(frame, sample_weight=weight)
    assert np.isfinite(weighted.loss_)
    assert isinstance(weighted.sample(2), pd.DataFrame)
    assert torch.isfinite(next(weighted.net_.module_.parameters())).all()


def test_tables_of_categories_alone():
    frame = with_gaps(table())[["city", "grade", "member"]].assign(same="x")
    frame = frame[frame.notna().sum(axis=1) > 1]
    vae = VariationalAutoencoder(2, max_iter=10, random_state=0).fit(frame)
    assert (vae.noise_variance_ == 0).all()
    # Never above the certainty of all categories, and better than their shares.
    scores = vae.score_samples(frame)
    entropy = sum(-np.log(frame[name].value_counts(normalize=True)).mean() for name in frame)
    assert -entropy < scores.mean() <= 0
    assert vae.sample(3, random_state=0)["same"].tolist() == ["x"] * 3
