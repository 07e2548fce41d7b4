"""Graphs give in ONNX Runtime what autoencoders and their halves give."""

import pickle
from itertools import cycle
from threading import Lock

import numpy as np
import onnx
import pytest
import torch
from onnx_cases import FAST, LINEAR, X, answer, check_graph
from sklearn.base import clone
from torch_mode_cases import all_modes

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    WassersteinAutoencoder,
    to_onnx,
)
from skae.estimators.base import BaseAutoencoder
from skae.networks import SequenceNetwork
from skae.objectives import LOSSES
from skae.onnx._converters import register

FEW = {"max_iter": 3, "random_state": 0}
# Variants, each with the options that no other has here, and with one of the losses below.
SCORED = [
    SparseAutoencoder(20, **LINEAR),
    ContractiveAutoencoder(activation="identity", init="random", **FAST),
    DenoisingAutoencoder(activation="leaky_relu", normalization="layer", **FAST),
    AdversarialAutoencoder(activation="relu", **FAST),
    WassersteinAutoencoder(**LINEAR),
]
CASES = [
    (clone(estimator).set_params(loss=loss), "score")
    for estimator, loss in zip(cycle(SCORED), LOSSES, strict=False)
]
CASES += [
    (
        SparseAutoencoder(20, penalty="l1", activation="elu", loss="log_loss", **FAST),
        "reconstruction",
    ),
    (
        SparseAutoencoder(20, penalty="kl", activation="gelu", loss="poisson", **FAST),
        "reconstruction",
    ),
    (
        NestedAutoencoder(activation="logistic", normalization="batch", dropout=0.1, **FAST),
        "codes",
    ),
    (
        ConvolutionalAutoencoder(image_shape=(2, 4, 2), channels=(3, 4), activation="tanh", **FAST),
        "reconstruction",
    ),
]
# These have tests of their own. Of the others a name in `__all__` is enough.
ELSEWHERE = [AutoencoderTransformer, VariationalAutoencoder]
PUBLIC = [getattr(skae, name) for name in skae.__all__ if isinstance(getattr(skae, name), type)]
CASES += [
    (kind(**FAST), "score")
    for kind in PUBLIC
    if issubclass(kind, BaseAutoencoder)
    and kind not in [*ELSEWHERE, *(type(case) for case, _ in CASES)]
]


def short(estimator):
    return " ".join(repr(estimator).split())


@pytest.mark.parametrize(("estimator", "output"), CASES, ids=lambda case: short(case)[:60])
def test_graphs_give_what_the_estimator_gives(estimator, output):
    # Every other one takes float32.
    index = [case[0] for case in CASES].index(estimator)
    rows = X.astype([np.float64, np.float32][index % 2])
    estimator.fit(rows)
    model = to_onnx(estimator, rows[:3], output)
    check_graph(model, answer(estimator, rows, output), rows, output)


def test_a_new_variant_needs_no_entry_but_its_name(monkeypatch):
    class NewAutoencoder(SparseAutoencoder):
        """A variant that answers as its parent does."""

    estimator = NewAutoencoder(20, penalty="batch_top_k", **LINEAR).fit(X)
    with pytest.raises(ValueError, match="NewAutoencoder is a class of your own"):
        to_onnx(estimator, X)
    monkeypatch.setattr(skae, "NewAutoencoder", NewAutoencoder, raising=False)
    monkeypatch.setattr(skae, "__all__", [*skae.__all__, "NewAutoencoder"])
    # As the import of skae.onnx does.
    register()
    check_graph(to_onnx(estimator, X), estimator.transform(X), X, "codes")


def test_columns_far_from_zero_in_a_unit_whose_square_float32_has_not():
    # In float32 a million and a million and a hundredth are the same number.
    rows = 1e60 * (X + 1e6)
    autoencoder = AutoencoderTransformer(4, **LINEAR).fit(rows)
    model = to_onnx(autoencoder, rows[:3], "score")
    check_graph(model, autoencoder.score_samples(rows), rows, "score")


@pytest.mark.parametrize(
    ("loss", "output"), [("negative_binomial", "reconstruction"), ("multinomial", "score")]
)
def test_counts_in_rows_of_any_depth(loss, output):
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.geomspace(0.1, 1e5, 299)[:, None] * rng.dirichlet(np.ones(5)))
    rows = np.vstack([counts, np.zeros((1, 5))])
    params = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    vae = VariationalAutoencoder(2, loss=loss, n_draws=4, **params).fit(rows)
    model = to_onnx(vae, rows[::6], output)
    expected = vae.reconstruct(rows) if output == "reconstruction" else vae.score_samples(rows)
    check_graph(model, expected, rows, output)


IMAGES = X.reshape(-1, 4, 4)


def test_windows_keep_their_shape():
    network = SequenceNetwork(channels=(3,), hidden_layer_sizes=())
    autoencoder = AutoencoderTransformer(network=network, init="random", **FEW).fit(IMAGES)
    model = to_onnx(autoencoder, IMAGES[:2], "reconstruction")
    check_graph(model, autoencoder.reconstruct(IMAGES), IMAGES, "reconstruction")


def test_codes_of_images():
    autoencoder = ConvolutionalAutoencoder(3, channels=(3,), **LINEAR).fit(IMAGES)
    encoder = to_onnx(autoencoder.encoder_, IMAGES[:2])
    check_graph(encoder, autoencoder.transform(IMAGES), IMAGES, "codes")


def test_halves_as_they_come_out_of_a_file():
    # The graph of a GRU grows with the steps.
    windows = X[:, :4].reshape(-1, 2, 2)
    network = SequenceNetwork(kind="gru", hidden_size=3)
    autoencoder = AutoencoderTransformer(3, network=network, **FEW).fit(windows)
    # Without the other half.
    encoder, decoder = map(
        pickle.loads, map(pickle.dumps, (autoencoder.encoder_, autoencoder.decoder_))
    )
    codes = autoencoder.transform(windows)
    model = to_onnx(decoder, codes[:2], "reconstruction")
    check_graph(model, autoencoder.inverse_transform(codes), codes, "reconstruction")
    for half, output in ((encoder, "reconstruction"), (decoder, "codes"), (encoder, "score")):
        with pytest.raises(ValueError, match=f"output='{output}' is nothing that"):
            to_onnx(half, windows, output)


COUNTS = (16 * X[:, :1]).astype(int)


@pytest.fixture(scope="module")
def of_counts():
    """An autoencoder of a single column of integers, and its graph."""
    autoencoder = AutoencoderTransformer(1, **LINEAR).fit(COUNTS)
    return autoencoder, to_onnx(autoencoder, COUNTS[:1].tolist())


def test_single_columns_of_integers_are_taken_for_float64_also_from_a_file(of_counts, tmp_path):
    autoencoder, model = of_counts
    onnx.save(model, tmp_path / "codes.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["codes.onnx"]
    model = onnx.load(tmp_path / "codes.onnx", load_external_data=False)
    check_graph(model, autoencoder.transform(COUNTS), COUNTS.astype(float), "codes")


def test_modes_of_torch_change_no_graph(of_counts):
    autoencoder, model = of_counts
    with all_modes():
        found = to_onnx(autoencoder, COUNTS[:1].tolist())
    assert found.SerializeToString() == model.SerializeToString()


def test_the_fitted_estimator_counts_and_stays_as_it_is():
    vae = VariationalAutoencoder(loss="log_loss", n_draws=2, **LINEAR).fit(X[:40])
    # Of what is set after the fit only the draws make a difference; a lock cannot be copied.
    vae.set_params(n_draws=3, loss="poisson", hidden_layer_sizes=(3, 3), callbacks=[Lock()])
    before = vae.score_samples(X)
    model = to_onnx(vae, X[:2], "score")
    check_graph(model, before, X, "score")
    np.testing.assert_array_equal(vae.score_samples(X), before)
    # Networks of tiny tables compute in float64, in the graph as well.
    assert next(vae.net_.module_.parameters()).dtype == torch.float64
    values = [one for one in model.graph.initializer if "network" in one.name]
    assert {one.data_type for one in values} == {onnx.TensorProto.DOUBLE}


@pytest.mark.parametrize("output", ["reconstruction", "score"])
def test_pairs_are_answered_in_the_unit_of_the_targets(output):
    rng = np.random.default_rng(0)
    noisy = X + 0.1 * rng.normal(size=X.shape)
    autoencoder = DenoisingAutoencoder(3, **LINEAR).fit(noisy, 1000 * X + 7)
    check_graph(to_onnx(autoencoder, X[:3], output), answer(autoencoder, X, output), X, output)
