"""Tables with columns of several types in other autoencoders, and losses by column."""

import numpy as np
import pytest
import torch
from mixed_cases import N, autoencoder, table, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

import skae

OTHERS = {
    "contractive": skae.ContractiveAutoencoder,
    "adversarial": skae.AdversarialAutoencoder,
    "denoising": skae.DenoisingAutoencoder,
    "nested": skae.NestedAutoencoder,
    "sparse": skae.SparseAutoencoder,
    "variational": skae.VariationalAutoencoder,
    "wasserstein": skae.WassersteinAutoencoder,
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("gaps", [False, True])
def test_other_estimators_take_such_tables(name, gaps, tmp_path):
    frame = with_gaps(table()) if gaps else table()
    fitted = OTHERS[name](4, max_iter=5, random_state=0).fit(frame)
    back = fitted.reconstruct(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    right = (back["city"] == frame["city"])[frame["city"].notna()].mean()
    assert right > (0.4 if name == "sparse" else 0.8)
    skae.save(fitted, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert_array_equal(loaded.score_samples(frame), fitted.score_samples(frame))
    assert_frame_equal(loaded.sample(3, random_state=0), fitted.sample(3, random_state=0))


def test_a_nested_autoencoder_is_cut():
    frame = table()
    nested = skae.NestedAutoencoder(3, max_iter=5, random_state=0).fit(frame)
    assert_array_equal(nested.truncate(2).transform(frame), nested.transform(frame)[:, :2])
    shares = nested.explained_variance_ratio_
    assert (shares[:2] > 0.1).all()
    assert shares.sum() < 1


@pytest.mark.parametrize(("noise", "level"), [("masking", 0.3), ("swap", 0.3), ("gaussian", 5.0)])
def test_noise_leaves_the_types_of_columns(noise, level):
    frame = table()
    fitted = skae.DenoisingAutoencoder(3, noise=noise, noise_level=level, max_iter=2).fit(frame)
    corruption, rows = fitted.net_.criterion_.corruption, fitted._frame.read(frame)[0]
    scaled = fitted._table.rows(rows)[:]
    noisy = corruption(scaled)
    changed = (noisy != scaled).double().mean(dim=0)
    categories = [2, 3, 5]
    codes = noisy[:, categories]
    assert torch.equal(codes.nan_to_num(0), codes.nan_to_num(0).round())
    if noise == "gaussian":
        assert (changed[categories] == 0).all()
        assert (changed[[0, 1, 4]] == 1).all()
        # In the unit of each column.
        assert_allclose((noisy - scaled)[:, 0].std() * frame["age"].std(), level, rtol=0.1)
    else:
        assert (changed > 0.05).all()
        assert noisy.isnan().any() == (noise == "masking")


@pytest.mark.parametrize("noise", ["salt_and_pepper", lambda x, generator: x])
def test_noise_of_numbers_refuses_other_columns(noise):
    with pytest.raises(ValueError, match=r"noise=.* does not take them"):
        skae.DenoisingAutoencoder(3, noise=noise).fit(table())


# -- losses by column ------------------------------------------------------------------------------


@pytest.mark.parametrize("gaps", [False, True])
def test_losses_of_columns_are_those_of_their_scores(gaps):
    frame = with_gaps(table()) if gaps else table()
    fitted = autoencoder(max_iter=3).fit(frame)
    expected = -fitted.score_columns(frame).mean()
    assert list(fitted.column_losses_) == list(frame.columns)
    assert_allclose(list(fitted.column_losses_.values()), expected, rtol=1e-4)
    # One is the loss of an answer that is the same for all rows.
    assert all(0 < loss < 1 for loss in fitted.column_losses_.values())
    recorded = {key for key in fitted.net_.history[-1] if "_column_" in key}
    assert recorded == {f"train_column_{name}" for name in frame}
    weighted = autoencoder(max_iter=3).fit(frame, sample_weight=np.arange(N) % 3)
    scores = weighted.score_columns(frame)
    expected = [
        -np.average(scores[name][seen], weights=(np.arange(N) % 3)[seen])
        for name, seen in scores.notna().items()
    ]
    assert_allclose(list(weighted.column_losses_.values()), expected, rtol=1e-4)


def test_the_history_follows_each_column_on_held_out_rows():
    fitted = autoencoder(early_stopping=True, max_iter=12).fit(table())
    by_name = {name: fitted.net_.history[:, f"valid_column_{name}"] for name in table()}
    assert {len(losses) for losses in by_name.values()} == {fitted.n_iter_}
    mean = np.mean(list(by_name.values()), axis=0)
    assert_allclose(mean, fitted.net_.history[:, "valid_reconstruction"], rtol=1e-4)
    plain = autoencoder(max_iter=2).fit(np.random.default_rng(0).normal(size=(60, 4)))
    assert plain.column_losses_ is None
    assert not any("_column_" in key for key in plain.net_.history[-1])
