"""Graphs give in ONNX Runtime what the estimators give."""

import pickle
from threading import Lock

import numpy as np
import onnx
import pytest
import torch
from onnx_cases import FAST, X, answer, check_graph, error, run

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    to_onnx,
)
from skae.networks import SequenceNetwork

FEW = {"max_iter": 3, "random_state": 0}
CASES = [
    (AutoencoderTransformer(**FEW), ["score"]),
    (AutoencoderTransformer(**FAST), ["codes", "reconstruction"]),
    (AutoencoderTransformer(activation="relu", loss="absolute_error", **FAST), ["score"]),
    (AutoencoderTransformer(activation="leaky_relu", loss="huber", **FAST), ["score"]),
    (
        AutoencoderTransformer(activation="elu", loss="log_loss", **FAST),
        ["reconstruction", "score"],
    ),
    (
        AutoencoderTransformer(activation="gelu", loss="poisson", init="random", **FAST),
        ["reconstruction"],
    ),
    (SparseAutoencoder(20, **FEW), ["codes"]),
    (SparseAutoencoder(20, penalty="batch_top_k", **FEW), ["codes"]),
    (SparseAutoencoder(20, penalty="l1", **FEW), ["codes"]),
    (SparseAutoencoder(20, penalty="kl", **FEW), ["codes"]),
    (ContractiveAutoencoder(activation="identity", init="random", **FAST), ["score"]),
    (DenoisingAutoencoder(activation="tanh", normalization="layer", **FAST), ["score"]),
    (AdversarialAutoencoder(**FAST), ["codes"]),
    (
        NestedAutoencoder(activation="logistic", normalization="batch", dropout=0.1, **FAST),
        ["codes"],
    ),
    (VariationalAutoencoder(**FAST), ["codes"]),
    (VariationalAutoencoder(loss="log_loss", n_draws=3, **FAST), ["score"]),
    (
        ConvolutionalAutoencoder(image_shape=(2, 4, 2), channels=(3, 4), **FAST),
        ["reconstruction"],
    ),
    (AutoencoderTransformer(network=SequenceNetwork(channels=(3,)), **FEW), ["reconstruction"]),
]


def short(estimator):
    return " ".join(repr(estimator).split())


@pytest.mark.parametrize(("estimator", "outputs"), CASES, ids=lambda case: short(case)[:60])
def test_graphs_give_what_the_estimator_gives(estimator, outputs):
    # Every other one takes float32.
    index = [case[0] for case in CASES].index(estimator)
    rows = X.astype([np.float64, np.float32][index % 2])
    estimator.fit(rows)
    for output in outputs:
        model = to_onnx(estimator, rows[:3], output)
        check_graph(model, answer(estimator, rows, output), rows, output)


def test_float64_networks_of_tiny_tables():
    rows = X[:40]
    autoencoder = AutoencoderTransformer(4, hidden_layer_sizes=(), max_iter=3).fit(rows)
    assert next(autoencoder.net_.module_.parameters()).dtype == torch.float64
    model = to_onnx(autoencoder, rows, "score")
    assert error(run(model, rows), autoencoder.score_samples(rows)) < 1e-5


def test_what_is_small_beside_the_mean_of_its_column():
    # In float32 a million and a million and a hundredth are the same number.
    rows = X + 1e6
    autoencoder = AutoencoderTransformer(4, **FAST).fit(rows)
    model = to_onnx(autoencoder, rows[:3], "codes")
    assert error(run(model, rows), autoencoder.transform(rows)) < 1e-5


def test_scores_in_a_unit_whose_square_float32_has_not():
    rows = 1e60 * X
    autoencoder = AutoencoderTransformer(4, **FAST).fit(rows)
    model = to_onnx(autoencoder, rows[:3], "score")
    assert error(run(model, rows), autoencoder.score_samples(rows)) < 1e-5


def test_images_keep_their_shape():
    images = X.reshape(-1, 4, 4)
    autoencoder = ConvolutionalAutoencoder(3, channels=(3,), **FAST).fit(images)
    model = to_onnx(autoencoder, images[:2], "reconstruction")
    assert error(run(model, images), autoencoder.reconstruct(images)) < 1e-5


def test_halves():
    images = X.reshape(-1, 4, 4)
    network = {"network": SequenceNetwork(kind="gru", hidden_size=5)}
    autoencoder = AutoencoderTransformer(3, **network, **FEW).fit(images)
    # As they come out of a file: without the other half.
    encoder, decoder = map(
        pickle.loads, map(pickle.dumps, (autoencoder.encoder_, autoencoder.decoder_))
    )
    codes = autoencoder.transform(images)
    check_graph(to_onnx(encoder, images[:2]), codes, images, "codes")
    model = to_onnx(decoder, codes[:2], "reconstruction")
    check_graph(model, autoencoder.inverse_transform(codes), codes, "reconstruction")
    for half, output in ((encoder, "reconstruction"), (decoder, "codes"), (encoder, "score")):
        with pytest.raises(ValueError, match=f"output='{output}' is nothing that"):
            to_onnx(half, images, output)


def test_integers_are_taken_for_float64_also_from_a_file(tmp_path):
    counts = (16 * X).astype(int)
    autoencoder = AutoencoderTransformer(3, **FAST).fit(counts)
    onnx.save(to_onnx(autoencoder, counts[:2].tolist()), tmp_path / "codes.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["codes.onnx"]
    model = onnx.load(tmp_path / "codes.onnx", load_external_data=False)
    found = run(model, counts.astype(float))
    assert found.dtype == np.float64
    assert error(found, autoencoder.transform(counts)) < 1e-5


def test_single_columns():
    narrow = X[:, :2]
    autoencoder = AutoencoderTransformer(1, **FAST).fit(narrow)
    model = to_onnx(autoencoder, narrow[:1], "reconstruction")
    check_graph(model, autoencoder.reconstruct(narrow), narrow, "reconstruction")


def test_the_fitted_estimator_counts_and_stays_as_it_is():
    vae = VariationalAutoencoder(n_draws=2, **FAST).fit(X[:40])
    # Of what is set after the fit only the draws make a difference; a lock cannot be copied.
    vae.set_params(n_draws=7, loss="log_loss", hidden_layer_sizes=(3, 3), callbacks=[Lock()])
    before = vae.score_samples(X)
    model = to_onnx(vae, X[:2], "score")
    assert error(run(model, X), before) < 1e-5
    np.testing.assert_array_equal(vae.score_samples(X), before)
    assert next(vae.net_.module_.parameters()).dtype == torch.float64
