"""Pairs of rows and what they should become: `fit(X, y)` of the denoising autoencoder."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

import skae
from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork, SequenceNetwork

RNG = np.random.default_rng(0)
CLEAN = load_digits().data[:400]
# A blur and a strip that is lost: no noise that training makes is like it.
BLURRED = CLEAN.reshape(-1, 8, 8).copy()
BLURRED[:, :, 1:] = (BLURRED[:, :, 1:] + BLURRED[:, :, :-1]) / 2
BLURRED[:, :, 5] = 0
BLURRED = BLURRED.reshape(-1, 64) + RNG.normal(size=CLEAN.shape)
TRAIN, TEST = slice(300), slice(300, None)
PARAMS = {"n_components": 20, "hidden_layer_sizes": (64,), "max_iter": 30, "random_state": 0}


def fit(X=BLURRED[TRAIN], y=CLEAN[TRAIN], **params):
    return DenoisingAutoencoder(**PARAMS | params).fit(X, y)


def error(ae, X=BLURRED[TEST], y=CLEAN[TEST]):
    return np.nanmean((ae.reconstruct(X) - y) ** 2)


def test_pairs_teach_what_noise_that_is_made_does_not():
    made = DenoisingAutoencoder(noise="gaussian", noise_level=1.0, **PARAMS).fit(CLEAN[TRAIN])
    of_itself = np.mean((BLURRED[TEST] - CLEAN[TEST]) ** 2)
    assert error(fit()) < 0.6 * min(error(made), of_itself)


def test_the_start_is_principal_component_regression():
    ae = fit(max_iter=1, learning_rate_init=1e-12, n_components=10)
    pca = PCA(10).fit(BLURRED[TRAIN])
    regression = LinearRegression().fit(pca.transform(BLURRED[TRAIN]), CLEAN[TRAIN])
    expected = regression.predict(pca.transform(BLURRED[TEST]))
    deviation = np.abs(ae.reconstruct(BLURRED[TEST]) - expected).max()
    assert deviation < 0.02 * CLEAN.std()


def test_training_does_not_end_above_the_start():
    start = fit(max_iter=1, learning_rate_init=1e-12)
    assert fit().loss_ < start.loss_
    assert fit(learning_rate_init=10.0, max_grad_norm=None).loss_ <= start.loss_ * (1 + 1e-6)


def test_targets_have_a_unit_of_their_own():
    near, far = fit(), fit(y=1000 * CLEAN[TRAIN] + 7)
    answers = far.reconstruct(BLURRED[TEST])
    np.testing.assert_allclose((answers - 7) / 1000, near.reconstruct(BLURRED[TEST]), atol=1e-3)
    assert far.loss_ == pytest.approx(near.loss_ * 1e6, rel=1e-3)
    # In the unit of the targets, too.
    np.testing.assert_allclose(far.inverse_transform(far.transform(BLURRED[TEST])), answers)
    assert abs(far.sample(50, random_state=0).mean() / 1000 - CLEAN.mean()) < 2


def test_the_score_compares_with_the_targets():
    ae = fit()
    assert ae.score(BLURRED[TEST], CLEAN[TEST]) == pytest.approx(-error(ae))
    of_rows = -((ae.reconstruct(BLURRED[TEST]) - BLURRED[TEST]) ** 2).mean(axis=1)
    np.testing.assert_allclose(ae.score_samples(BLURRED[TEST]), of_rows)
    assert ae.score(BLURRED[TEST]) == pytest.approx(of_rows.mean())
    np.testing.assert_allclose(ae.score_columns(BLURRED[TEST]).mean(axis=1), of_rows)


def test_in_a_pipeline_and_in_cross_validation():
    pipeline = make_pipeline(StandardScaler(), DenoisingAutoencoder(**PARAMS))
    found = cross_validate(pipeline, BLURRED, CLEAN, cv=3)
    assert (found["test_score"] > -0.5 * CLEAN.var(axis=0).mean()).all()


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_loss", "poisson"])
def test_other_losses(loss):
    unit = 16 if loss == "log_loss" else 1
    ae = fit(y=CLEAN[TRAIN] / unit, loss=loss)
    answers = ae.reconstruct(BLURRED[TEST]) * unit
    assert ((answers - CLEAN[TEST]) ** 2).mean() < 0.6 * CLEAN.var(axis=0).mean()
    if loss == "log_loss":
        with pytest.raises(ValueError, match=r"loss='log_loss' needs values in \[0, 1\], but y"):
            fit(loss=loss)


@pytest.mark.parametrize(
    ("network", "shape"),
    [(ConvolutionalNetwork(channels=(4,)), (8, 8)), (SequenceNetwork(), (16, 4))],
    ids=["images", "windows"],
)
def test_networks_of_images_and_windows(network, shape):
    X, y = BLURRED.reshape(-1, *shape), CLEAN.reshape(-1, *shape)
    params = {"network": network, "max_iter": 4, "hidden_layer_sizes": (256, 128)}
    ae = fit(X[TRAIN], y[TRAIN], **params)
    assert ae.reconstruct(X[TEST]).shape == X[TEST].shape
    assert error(ae, X[TEST], y[TEST]) < CLEAN.var(axis=0).mean()


# -- gaps ------------------------------------------------------------------------------------------


def with_gaps(X):
    return np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)


def test_incomplete_rows_become_complete_ones():
    X = with_gaps(BLURRED)
    ae = fit(X[TRAIN])
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    assert error(ae, X[TEST]) < 0.7 * error(fit(filled[TRAIN], filled[TRAIN]), filled[TEST])


def test_targets_with_gaps():
    y = with_gaps(CLEAN)
    ae = fit(y=y[TRAIN])
    assert error(ae) < 1.3 * error(fit())
    judged = (ae.reconstruct(BLURRED[TEST]) - y[TEST]) ** 2
    assert ae.score(BLURRED[TEST], y[TEST]) == pytest.approx(-np.nanmean(judged, axis=1).mean())


def test_frames_come_back_with_columns_of_floats():
    names = [f"pixel{i}" for i in range(64)]
    X = pd.DataFrame(with_gaps(BLURRED).round(), columns=names)
    whole = X.iloc[:, :32].astype("Int64").join(X.iloc[:, 32:])
    y = pd.DataFrame(CLEAN + 0.25, columns=names)
    answers = fit(whole[TRAIN], y[TRAIN]).reconstruct(whole[TEST])
    assert answers.index.tolist() == X[TEST].index.tolist()
    assert {str(dtype).lower() for dtype in answers.dtypes} == {"float64"}
    assert ((answers - y[TEST]) ** 2).to_numpy().mean() < 0.6 * CLEAN.var(axis=0).mean()


# -- the same kind of fit in other ways ------------------------------------------------------------


def test_weights_of_zero_leave_pairs_out():
    weight = np.ones(300)
    weight[::3] = 0
    some = weight > 0
    weighted = DenoisingAutoencoder(**PARAMS).fit(BLURRED[TRAIN], CLEAN[TRAIN], weight)
    apart = fit(BLURRED[TRAIN][some], CLEAN[TRAIN][some])
    np.testing.assert_allclose(
        weighted.reconstruct(BLURRED[TEST]), apart.reconstruct(BLURRED[TEST]), rtol=1e-5
    )


@pytest.mark.parametrize(
    "give",
    [sparse.csr_matrix, torch.from_numpy, np.ndarray.tolist, pd.DataFrame],
    ids=["sparse", "tensors", "lists", "frames"],
)
def test_rows_of_other_containers(give):
    expected = fit().reconstruct(BLURRED[TEST])
    ae = fit(give(BLURRED[TRAIN]), give(CLEAN[TRAIN]))
    np.testing.assert_allclose(np.asarray(ae.reconstruct(give(BLURRED[TEST]))), expected, rtol=1e-4)


def test_files_in_memory(tmp_path):
    paths = [tmp_path / "X.npy", tmp_path / "y.npy"]
    for path, rows in zip(paths, (BLURRED[TRAIN], CLEAN[TRAIN]), strict=True):
        np.save(path, rows)
    mapped = fit(*(np.load(path, mmap_mode="r") for path in paths))
    np.testing.assert_allclose(error(mapped), error(fit()), rtol=1e-4)


def test_streams_of_pairs():
    ae = DenoisingAutoencoder(**PARAMS)
    for _ in range(10):
        ae.partial_fit(BLURRED[TRAIN], CLEAN[TRAIN])
    assert error(ae) < 0.6 * CLEAN.var(axis=0).mean()
    with pytest.raises(ValueError, match=r"The first fit had a y .* there is none now"):
        ae.partial_fit(BLURRED[TRAIN])
    alone = DenoisingAutoencoder(**PARAMS).partial_fit(BLURRED[TRAIN])
    before = alone.reconstruct(BLURRED[TEST])
    with pytest.raises(ValueError, match=r"The first fit had no y .* there is one now"):
        alone.partial_fit(BLURRED[TRAIN], CLEAN[TRAIN])
    np.testing.assert_array_equal(alone.reconstruct(BLURRED[TEST]), before)


def test_a_model_file_answers_alike(tmp_path):
    for X in (BLURRED, with_gaps(BLURRED)):
        ae = fit(X[TRAIN], 1000 * CLEAN[TRAIN])
        skae.save(ae, tmp_path / "model.skae")
        again = skae.load(tmp_path / "model.skae")
        np.testing.assert_array_equal(again.reconstruct(X[TEST]), ae.reconstruct(X[TEST]))
        assert again.score(X[TEST], CLEAN[TEST]) == ae.score(X[TEST], CLEAN[TEST])


# -- what is no pair, and what is refused ----------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        None,
        BLURRED[TRAIN],
        BLURRED[TRAIN].copy(),
        np.arange(300),
        CLEAN[TRAIN, 20],
        CLEAN[TRAIN, 20:21],
        CLEAN[TRAIN] > 0,
        (CLEAN[TRAIN] > 0).astype(int),
        list("abc") * 100,
    ],
    ids=lambda y: f"{type(y).__name__}{getattr(y, 'shape', '')}{getattr(y, 'dtype', '')}",
)
def test_labels_and_the_rows_themselves_are_ignored(y):
    alone = fit(y=None, max_iter=2).reconstruct(BLURRED[TEST])
    np.testing.assert_array_equal(fit(y=y, max_iter=2).reconstruct(BLURRED[TEST]), alone)


def test_whole_numbers_are_targets_too():
    assert error(fit(y=CLEAN[TRAIN].astype(np.uint8))) == pytest.approx(error(fit()), rel=1e-3)


def test_nullable_numbers_are_targets():
    y = pd.DataFrame(CLEAN).astype("Float64")
    y.iloc[0, 0] = pd.NA
    assert error(fit(pd.DataFrame(BLURRED)[TRAIN], y[TRAIN])) < 1.3 * error(fit())


@pytest.mark.parametrize("shape", [(300, 3), (299, 64), (300, 8, 8)])
def test_numbers_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"y has the shape \(.*, expected that of X, \(300, 64\)"):
        fit(y=np.ones(shape))


def test_columns_that_hold_no_numbers():
    X = pd.DataFrame(BLURRED[:, :3], columns=list("abc"))
    with pytest.raises(ValueError, match=r"column 'a' of X holds a text"):
        fit(X.assign(a="x"), CLEAN[:, :3], n_components=2)


def test_hidden_targets_are_not_used():
    with pytest.raises(ValueError, match="y is a masked array"):
        fit(y=np.ma.array(CLEAN[TRAIN], mask=CLEAN[TRAIN] > 1))


def test_infinite_targets_are_named():
    y = CLEAN[TRAIN].copy()
    y[3, 4] = np.inf
    with pytest.raises(ValueError, match="y contains infinity"):
        fit(y=y)


@pytest.mark.parametrize("loss", ["negative_binomial", "multinomial"])
def test_losses_of_a_rows_own_total(loss):
    with pytest.raises(ValueError, match="Use another loss for pairs"):
        fit(BLURRED[TRAIN] - BLURRED.min(), loss=loss)


def test_other_estimators_say_that_they_ignore_pairs():
    with pytest.warns(UserWarning, match="y has the shape of X and is ignored.*Denoising"):
        AutoencoderTransformer(**PARAMS).fit(BLURRED[TRAIN], CLEAN[TRAIN])


class Listener(Callback):
    """Listens to single batches, so that autograd takes the steps."""

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """See what a batch holds."""
        self.kept = [*getattr(self, "kept", []), batch]


def test_steps_by_autograd_go_the_same_way():
    listener = Listener()
    by_autograd = fit(callbacks=[listener])
    # Each batch has targets of its own, also when it is looked at later.
    first, second = (target for _, target in listener.kept[:2])
    assert first.shape[1] == second.shape[1] == 64
    assert not torch.equal(first[:10], second[:10])
    assert by_autograd.loss_curve_ == pytest.approx(fit().loss_curve_, rel=1e-3)
