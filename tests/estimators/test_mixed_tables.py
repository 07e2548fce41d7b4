"""Tables with columns of several types and with gaps: in, through the network, and back."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from mixed_cases import N, autoencoder, autoencoder_of_table, table, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skae
from skae.networks import SequenceNetwork


@pytest.fixture
def fitted():
    return autoencoder_of_table()


def test_rows_come_back_as_the_caller_has_them(fitted):
    frame = table()
    back = fitted.reconstruct(frame)
    assert_frame_equal(back.iloc[:0], frame.iloc[:0])
    assert_array_equal(back.index, frame.index)
    for name in ("city", "member", "grade"):
        assert (back[name] == frame[name]).mean() > 0.85
    for name in ("age", "income"):
        assert np.corrcoef(back[name], frame[name])[0, 1] > 0.95
    days = (back["since"] - frame["since"]).dt.days
    assert (back["since"].dt.normalize() == back["since"]).all()
    assert days.abs().median() < 25


def test_codes_and_draws(fitted):
    codes = fitted.transform(table())
    assert codes.shape == (N, 3)
    assert_allclose(codes.std(axis=0), 1, rtol=1e-3)
    decoded, drawn = fitted.inverse_transform(codes[:9]), fitted.sample(7, random_state=0)
    assert_frame_equal(decoded, fitted.reconstruct(table()[:9]).reset_index(drop=True))
    assert list(drawn.dtypes) == list(table().dtypes)
    assert len(drawn) == 7


def test_polars_and_pandas_train_alike(fitted):
    frame = table()
    of_polars = pl.from_pandas(frame.astype({"grade": str})).with_columns(
        pl.col("grade").cast(pl.Enum(["D", "C", "B", "A"]))
    )
    other = autoencoder().fit(of_polars)
    assert_array_equal(other.transform(of_polars), fitted.transform(frame))
    back = other.reconstruct(of_polars)
    assert isinstance(back, pl.DataFrame)
    assert back.schema == of_polars.schema
    # A model that was fitted on tables of the one takes those of the other.
    assert_array_equal(fitted.transform(of_polars), fitted.transform(frame))
    assert isinstance(fitted.reconstruct(of_polars), pl.DataFrame)
    rows = frame.to_numpy(object)[:3]
    for others in (rows, rows.tolist()):
        with pytest.warns(UserWarning, match="feature names"):
            assert list(fitted.reconstruct(others).dtypes) == list(frame.dtypes)


def test_training_starts_at_famd_and_does_not_end_above(fitted):
    linear = autoencoder(hidden_layer_sizes=(), max_iter=1, learning_rate_init=1e-12)
    start = linear.fit(table())
    assert fitted.loss_ < 0.8 * start.loss_
    # Knowing nothing of the row is one, for each column.
    assert start.loss_ < 0.6


def test_the_linear_start_is_the_pca_of_scaled_numbers_and_categories():
    frame = table()
    start = autoencoder(hidden_layer_sizes=(), max_iter=1, learning_rate_init=1e-12).fit(frame)
    blocks = []
    seconds = (frame["since"] - pd.Timestamp("1970-01-01")).dt.total_seconds()
    for name in frame.columns:
        values = seconds if name == "since" else frame[name]
        if name in ("age", "income", "since"):
            blocks.append(((values - values.mean()) / values.std(ddof=0)).to_numpy()[:, None])
        else:
            one_hot = pd.get_dummies(values.astype(str)).to_numpy(float)
            blocks.append((one_hot - one_hot.mean(axis=0)) / np.sqrt(one_hot.mean(axis=0)))
    famd = np.hstack(blocks)
    left, _, _ = np.linalg.svd(famd, full_matrices=False)
    expected = left[:, :3] * np.sqrt(N)
    codes = start.transform(frame)
    overlap = np.abs(expected.T @ codes) / N
    assert_allclose(overlap, np.eye(3), atol=1e-3)


# -- gaps ------------------------------------------------------------------------------------------


def test_hidden_values_never_matter():
    frame = table()
    gappy = with_gaps(frame)
    fitted = autoencoder().fit(gappy)
    # Numbers behind a gap, and the row's own company, change no bit.
    encoded = fitted._frame.schema
    rows, _ = fitted._frame.read(gappy)
    assert np.isnan(rows).any()
    assert encoded.n_levels == [0, 0, 3, 2, 0, 4]
    alone = np.vstack([fitted.transform(gappy[i : i + 1]) for i in range(20)])
    assert_array_equal(alone, fitted.transform(gappy)[:20])
    # The gradient of a cell without a value is zero.
    losses = fitted.net_.criterion_.heads[0].loss
    x = torch.full((2, 6), torch.nan)
    x[:, 1] = 0.5
    output = torch.full((2, losses.n_outputs), 0.3, requires_grad=True)
    losses.function(output, x).backward()
    assert (output.grad[:, 1] != 0).all()
    output.grad[:, 1] = 0
    assert (output.grad == 0).all()


def test_gaps_are_filled_better_than_by_the_most_frequent():
    frame = table()
    gappy = with_gaps(frame)
    filled = autoencoder(max_iter=30).fit(gappy).reconstruct(gappy)
    assert not filled.isna().any(axis=None)
    for name in ("city", "grade", "member"):
        hole = gappy[name].isna()
        right = (filled[name].astype(str) == frame[name].astype(str))[hole].mean()
        guess = gappy[name].astype(str)[~hole].mode()[0]
        assert right > (frame[name].astype(str)[hole] == guess).mean() + 0.15
    hole = gappy["age"].isna()
    error = (filled["age"] - frame["age"])[hole].std()
    assert error < 0.75 * frame["age"][hole].std()


def test_arrays_with_gaps():
    X = np.random.default_rng(0).normal(size=(200, 2)) @ np.ones((2, 4))
    X[::5, 0] = np.nan
    fitted = autoencoder(n_components=1).fit(X)
    filled = fitted.reconstruct(X)
    assert filled.shape == X.shape
    assert np.isfinite(filled).all()
    assert np.abs(filled[::5, 0] - X[::5, 1]).mean() < 0.3 * X[:, 1].std()
    with pytest.raises(ValueError, match="Row 3 of X, counted from 0, has no value"):
        fitted.transform(np.where(np.arange(200)[:, None] == 3, np.nan, X))


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_float32_stays_float32(make):
    X = np.random.default_rng(0).normal(size=(200, 2)) @ np.ones((2, 4))
    X[::5, 0] = np.nan
    for dtype in ("float32", "float64"):
        rows = make(X.astype(dtype))
        fitted = autoencoder(n_components=1, max_iter=2).fit(rows)
        codes = fitted.transform(rows)
        assert codes.dtype == dtype
        for decoded in (fitted.reconstruct(rows), fitted.inverse_transform(codes)):
            assert np.asarray(decoded).dtype == dtype


def test_moments_of_float32_codes_are_exact():
    frame = table().assign(since=lambda f: f["since"] + pd.to_timedelta(7 * f["age"], unit="h"))
    fitted = autoencoder(max_iter=2).fit(frame)
    codes = fitted.transform(frame)
    of_double, of_single = (fitted.inverse_transform(codes.astype(t)) for t in (float, "float32"))
    # Seconds since 1970 in float32 are two minutes apart.
    apart = (of_double["since"] - of_single["since"]).abs().max()
    assert apart < pd.Timedelta(seconds=20)


def test_gaps_after_a_fit_without_any_are_the_means_of_their_columns():
    X = np.random.default_rng(0).normal(size=(200, 2)) @ np.ones((2, 4)) + 5
    fitted = autoencoder(n_components=1).fit(X)
    gappy = X[:5].copy()
    gappy[0, 1] = np.nan
    filled = np.where(np.isnan(gappy), X.mean(axis=0), gappy)
    for method in ("transform", "reconstruct", "score_samples"):
        assert_allclose(getattr(fitted, method)(gappy), getattr(fitted, method)(filled))
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.partial_fit(gappy)


def test_a_fit_without_gaps_takes_them_afterwards():
    frame = table()
    fitted = autoencoder().fit(frame)
    gappy = with_gaps(frame)
    assert np.isfinite(fitted.score_samples(gappy)).all()
    assert not fitted.reconstruct(gappy).isna().any(axis=None)


# -- model files ----------------------------------------------------------------------------------


LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.from_pandas(frame),
    "arrow": lambda frame: pl.from_pandas(frame).to_arrow(),
}


@pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)
def test_a_file_makes_the_tables_of_its_fit(convert, tmp_path):
    X = convert(with_gaps(table()))
    fitted = autoencoder(max_iter=2).fit(X)
    skae.save(fitted, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert_array_equal(loaded.transform(X), fitted.transform(X))
    drawn, again = (one.sample(5, random_state=0) for one in (fitted, loaded))
    assert type(drawn) is type(X)
    assert drawn.equals(again)
    assert str(loaded.reconstruct(X)) == str(fitted.reconstruct(X))


def test_names_that_are_numbers_are_kept_in_files(tmp_path):
    frame = table().set_axis([-1.5, 0, 10**12, 1, 2, 3], axis=1)
    skae.save(autoencoder(max_iter=2).fit(frame), tmp_path / "model.skae")
    assert_array_equal(skae.load(tmp_path / "model.skae").sample(1).columns, frame.columns)
    pairs = table().set_axis(pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]]), axis=1)
    with pytest.raises(skae.ModelFileError, match=r"columns\[0\].name is \('a', 1\)"):
        skae.save(autoencoder(max_iter=2).fit(pairs), tmp_path / "model.skae")


def test_training_goes_on():
    frame = with_gaps(table())
    stream = autoencoder().partial_fit(frame[:200]).partial_fit(frame[200:])
    assert stream.n_iter_ == 2
    again = autoencoder(warm_start=True, max_iter=2).fit(frame).fit(frame)
    assert again.n_iter_ == 4
    weighted = autoencoder(max_iter=2).fit(frame, sample_weight=np.arange(N) % 2)
    every_other = autoencoder(max_iter=2).fit(frame[1::2])
    assert_allclose(weighted.loss_, every_other.loss_, rtol=0.1)


def test_training_does_not_go_on_with_other_categories():
    frame = table()
    again = autoencoder(warm_start=True, max_iter=2, categorical_features=["city", "grade"])
    again.fit(frame).set_params(categorical_features=np.array(["city", "grade"])).fit(frame)
    for changed in ({"categorical_features": ["grade", "member"]}, {"min_frequency": 5}):
        with pytest.raises(ValueError, match=f"{next(iter(changed))} changed since the first fit"):
            clone(again).fit(frame).set_params(**changed).fit(frame)
        with pytest.raises(ValueError, match=f"{next(iter(changed))} changed since the first fit"):
            clone(again).fit(frame).set_params(**changed).partial_fit(frame)
    X = frame[["age"]].assign(half=lambda f: f["age"] / 2)
    # A table of numbers has none.
    autoencoder(n_components=1).fit(X).set_params(min_frequency=5).partial_fit(X)


# -- scikit-learn's tools --------------------------------------------------------------------------


def test_a_pipeline_clone_and_pandas_output(fitted):
    frame = with_gaps(table())
    model = make_pipeline(autoencoder().set_output(transform="pandas"), LogisticRegression())
    model.fit(frame, table()["member"])
    assert model.score(frame, table()["member"]) > 0.85
    again = clone(fitted).fit(table())
    assert_array_equal(again.transform(table()), fitted.transform(table()))


def test_numbers_stay_as_they_were():
    X = table()[["age"]].assign(half=lambda f: f["age"] / 2)
    plain = autoencoder(n_components=1).fit(X.to_numpy())
    of_frame = autoencoder(n_components=1).fit(X)
    assert_array_equal(of_frame.transform(X), plain.transform(X.to_numpy()))
    assert isinstance(of_frame.reconstruct(X), np.ndarray)


@pytest.mark.parametrize(
    "params",
    [{"loss": "poisson"}, {"loss": "log_loss"}, {"network": SequenceNetwork((3, 2))}],
    ids=["poisson", "log_loss", "windows"],
)
def test_losses_and_networks_of_numbers_refuse_other_columns(params):
    with pytest.raises(ValueError, match="columns of several types or with gaps"):
        skae.AutoencoderTransformer(**params).fit(table())


@pytest.mark.parametrize("gaps", [False, True])
def test_the_fused_step_trains_as_autograd_does(gaps, monkeypatch):
    frame = with_gaps(table()) if gaps else table()
    fused = autoencoder(max_iter=3).fit(frame)
    assert fused.net_.read(fused.net_.get_dataset(np.zeros((2, 6)))) is not None
    monkeypatch.setattr("skae.engine._net.read_net", lambda *_: None)
    by_autograd = autoencoder(max_iter=3).fit(frame)
    assert_allclose(fused.loss_curve_, by_autograd.loss_curve_, rtol=1e-3)
    assert_allclose(fused.transform(frame), by_autograd.transform(frame), atol=0.01)
