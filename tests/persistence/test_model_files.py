"""Model files hold all that a fitted estimator is."""

import hashlib
import json
import pickle
import resource
import signal
import stat
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from model_file_cases import ESTIMATORS, NEW, SMALL, X, assert_same_answers, fit, loaded
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as write_arrays
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping

import skae
from skae.networks import ConvolutionalNetwork, DenseNetwork
from skae.persistence._container import unpack
from skae.persistence._tree import DTYPES, TreeReader, TreeWriter

FIXTURES = Path(__file__).parents[1] / "data"


def public_attributes(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and name not in ("net_", "estimators_")
    }


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_comes_back_as_it_was(name, path):
    fitted = clone(ESTIMATORS[name]).fit(X)
    back = loaded(fitted, path)
    assert type(back) is type(fitted)
    assert repr(back) == repr(fitted)
    assert_same_answers(fitted, back)
    expected, found = public_attributes(fitted), public_attributes(back)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert_array_equal(found[name], value, err_msg=name)
    # The same model makes the same bytes.
    assert skae.save(back, path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert skae.save(back, path) == skae.save(fitted, path)


def test_a_drift_detector_comes_back_as_it_was(path):
    detector = skae.DriftDetector(fit(), n_permutations=99, random_state=0).fit(NEW)
    expected, found = (d.test(X[:20]).tests for d in (detector, loaded(detector, path)))
    pd.testing.assert_frame_equal(found, expected)


def test_images_names_and_tables_come_back(path):
    images = X[:, :4].reshape(-1, 2, 2)
    model = skae.AutoencoderTransformer(
        2, network=ConvolutionalNetwork(channels=(3,)), max_iter=1, random_state=0
    ).fit(images)
    assert_same_answers(model, loaded(model, path), images)
    table = pd.DataFrame(X, columns=list("abcde"))
    named = skae.AutoencoderTransformer(**SMALL).set_output(transform="pandas").fit(table)
    back = loaded(named, path)
    assert_array_equal(back.feature_names_in_, list("abcde"))
    pd.testing.assert_frame_equal(back.transform(table), named.transform(table))
    with pytest.raises(ValueError, match="feature names should match"):
        back.transform(table[list("edcba")])


def test_sparse_rows_of_a_detector_come_back(path):
    rows = sparse.csr_matrix(np.where(X > 0.7, X, 0))
    model = clone(ESTIMATORS["detector"]).fit(rows)
    back = loaded(model, path)
    assert_same_answers(model, back, rows)
    more = sparse.csr_matrix(NEW)
    assert_same_answers(model.partial_fit(more), back.partial_fit(more), rows)


@pytest.mark.parametrize("training", ["fit", "partial_fit"])
def test_training_goes_on_as_it_would_have(training, path):
    model = skae.AutoencoderTransformer(dropout=0.2, warm_start=True, **SMALL)
    for _ in range(3):
        getattr(model, training)(X)
    back = loaded(model, path)
    for one in (model, back):
        getattr(one, training)(NEW)
    assert_same_answers(model, back)
    assert back.net_.history == model.net_.history
    # The optimizer's moments come back, too: without them the next step would be another one.
    moments = [len(one.net_.optimizer_.state_dict()["state"]) for one in (model, back)]
    n_parameters = len([*model.net_.module_.parameters()])
    assert moments[0] == moments[1] == (0 if training == "fit" else n_parameters)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_streams_go_on_with_every_optimizer(optimizer, path):
    model = skae.AutoencoderTransformer(optimizer=optimizer, **SMALL).partial_fit(X)
    back = loaded(model, path)
    for one in (model, back):
        one.partial_fit(NEW)
    assert_same_answers(model, back)


@pytest.mark.parametrize("optimizer", [torch.optim.Adafactor, torch.optim.LBFGS])
def test_pickles_hold_optimizers_that_remember_other_things(optimizer):
    """Files refuse them, being classes; pickles keep whatever they remember."""
    params = {**SMALL, "optimizer": optimizer, "learning_rate_init": 1e-3}
    model = skae.AutoencoderTransformer(**params).partial_fit(X)
    back = pickle.loads(pickle.dumps(model))
    for one in (model, back):
        one.partial_fit(NEW)
    assert_same_answers(model, back)


def test_later_parameters_are_kept_beside_those_of_the_fit(path):
    model = fit().set_params(hidden_layer_sizes=(9,), max_iter=7)
    back = loaded(model, path)
    assert (back.hidden_layer_sizes, back.max_iter) == ((9,), 7)
    assert_same_answers(model, back)


def test_tensors_that_were_fitted_on(path):
    model = skae.AutoencoderTransformer(**SMALL).fit(torch.as_tensor(X))
    assert_same_answers(model, loaded(model, path))


# -- halves -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["transformer", "batch_top_k", "variational", "adversarial", "convolutional"]
)
@pytest.mark.parametrize("keep", ["save", "pickle"])
def test_halves_answer_as_the_whole_and_hold_half(name, keep, path):
    model = clone(ESTIMATORS[name]).fit(X)

    def kept(half):
        if keep == "pickle":
            return pickle.loads(pickle.dumps(half))
        return loaded(half, path)

    encoder, decoder = kept(model.encoder_), kept(model.decoder_)
    codes = model.transform(NEW)
    for rows in (NEW, NEW[:1]):
        assert_array_equal(encoder.transform(rows), model.transform(rows))
    assert_array_equal(decoder.inverse_transform(codes), model.inverse_transform(codes))
    assert_array_equal(encoder.get_feature_names_out(), model.get_feature_names_out())
    for half, prefix in ((encoder, "encoder."), (decoder, "decoder.")):
        names = {name for name, _ in half.autoencoder.net_.module_.named_parameters()}
        assert names
        assert all(name.startswith(prefix) for name in names)
    if keep == "save":
        skae.save(model.encoder_, path)
        held = read_arrays(unpack(path.read_bytes())[1])
        assert not [name for name in held if "decoder." in name or "discriminator" in name]
    # The whole one is not touched.
    assert_array_equal(model.reconstruct(NEW), model.inverse_transform(codes))


def test_an_encoder_stands_in_a_pipeline():
    model = fit()
    pipeline = make_pipeline(model.encoder_, StandardScaler()).fit(X)
    assert clone(pipeline)[0].autoencoder.net_ is model.net_
    assert_allclose(pipeline.transform(X).std(axis=0), 1)


def test_an_unfitted_autoencoder_has_no_halves():
    model = skae.AutoencoderTransformer()
    assert not hasattr(model, "encoder_")
    with pytest.raises(NotFittedError):
        _ = model.decoder_
    with pytest.raises(NotFittedError):
        skae.Encoder(model).transform(X)


# -- the file -----------------------------------------------------------------------------

# What UTF-8 can write: hypothesis would try each character, for seconds.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ARRAYS = hnp.arrays(
    st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0), elements={"allow_nan": False}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | ARRAYS,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.tuples(inside, inside)
        | st.dictionaries(TEXT | st.integers(), inside, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(value=VALUES)
@example({"a": [np.zeros(1)], "a/0": np.ones(1), 1: np.zeros(2), "1": np.ones(2)})
def test_plain_values_come_back_from_json_as_they_were(value):
    writer = TreeWriter()
    written = json.loads(json.dumps(writer.write(value, "model"), allow_nan=False))
    reader = TreeReader(read_arrays(write_arrays(writer.arrays)))
    assert_same_values(reader.read(written), value)
    assert not reader.arrays


def assert_same_values(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert_array_equal(found, expected, strict=True)
    elif isinstance(expected, list | tuple):
        for pair in zip(found, expected, strict=True):
            assert_same_values(*pair)
    elif isinstance(expected, dict):
        assert [*found] == [*expected]
        for key in expected:
            assert_same_values(found[key], expected[key])
    else:
        assert found == expected


def test_the_file_is_an_archive_of_json_and_safetensors(path):
    model = fit()
    skae.save(model, path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["manifest.json", "weights.safetensors"]
        assert archive.testzip() is None
        assert {m.compress_type for m in archive.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(archive.read("manifest.json"))
        arrays = read_arrays(archive.read("weights.safetensors"))
    assert manifest["format"] == "skae model"
    assert manifest["model"]["object"][0] == "AutoencoderTransformer"
    weights = dict(model.net_.module_.named_parameters())
    for name, weight in weights.items():
        assert_array_equal(arrays[f"model/net_/weights/{name}"], weight.detach())


def test_a_file_is_readable_as_others_are(path):
    path.with_name("other").write_text("")
    skae.save(fit(), path)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.with_name("other"))]
    assert modes[0] == modes[1]
    link = path.with_name("link.skae")
    link.symlink_to(path)
    skae.save(fit(random_state=1), link)
    assert link.is_symlink()
    assert skae.load(path).random_state == 1
    assert sorted(p.name for p in path.parent.iterdir()) == ["link.skae", "model.skae", "other"]


def test_a_failed_write_leaves_the_old_file(path):
    model = fit()
    digest = skae.save(model, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            skae.save(fit(random_state=1), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert_same_answers(skae.load(path, expected_sha256=digest), model)
    assert [p.name for p in path.parent.iterdir()] == ["model.skae"]


ANSWERS = np.load(FIXTURES / "answers_1.npz")


# Detectors compute other scores now: tests/persistence/test_detector_forgeries.py.
@pytest.mark.parametrize("name", sorted({key.split()[0] for key in ANSWERS} - {"detector"}))
def test_files_of_the_first_version_still_load(name):
    """Written by skae 0.1.0; the answers are those that it gave then."""
    model = skae.load(FIXTURES / f"{name}_1.skae")
    rows = np.random.RandomState(1).uniform(size=(9, 4))
    for method in ("transform", "score_samples", "inverse_transform", "test"):
        if f"{name} {method}" in ANSWERS:
            asked = ANSWERS["autoencoder transform"] if method == "inverse_transform" else rows
            found = getattr(model, method)(asked)
            found = found.tests["statistic"] if method == "test" else found
            assert_allclose(found, ANSWERS[f"{name} {method}"], rtol=1e-4, atol=1e-5)
    if hasattr(model, "partial_fit"):
        model.partial_fit(rows)


def test_invalid_parameters_are_not_written(path):
    model = fit()
    digest = skae.save(model, path)
    with pytest.raises(ValueError, match="The 'max_iter' parameter"):
        skae.save(model.set_params(max_iter=-1), path)
    skae.load(path, expected_sha256=digest)


# -- devices and digests ------------------------------------------------------------------


def test_device(path):
    model = clone(ESTIMATORS["detector"]).fit(X)
    skae.save(model, path)
    back = skae.load(path, device=torch.device("cpu"))
    assert back.device == back.estimators_[0].device == back.estimators_[0].net_.device == "cpu"
    assert_same_answers(model, back)
    with pytest.raises(ValueError, match="device='nowhere' is no torch device"):
        skae.load(path, device="nowhere")


def test_another_digest_than_expected_is_refused(path):
    digest = skae.save(fit(), path)
    skae.load(path, expected_sha256=digest.upper())
    skae.save(fit(random_state=1), path)
    with pytest.raises(skae.ModelFileError, match=f"expected {digest}"):
        skae.load(path, expected_sha256=digest)


# -- what files do not hold ---------------------------------------------------------------


def test_callbacks_and_random_states_are_left_out_with_a_warning(path):
    model = fit(callbacks=[EarlyStopping("train_loss")], random_state=np.random.RandomState(0))
    with pytest.warns(UserWarning, match="does not hold callbacks and the RandomState instance"):
        skae.save(model, path)
    back = skae.load(path)
    assert back.callbacks is None
    assert back.random_state is None
    assert_same_answers(model, back)


class MyNetwork(DenseNetwork):
    """A network of a user's own."""


class MyAutoencoder(skae.AutoencoderTransformer):
    """An estimator of a user's own."""


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: fit(optimizer=torch.optim.Adam), "optimizer is .*holds nothing of type type"),
        (
            lambda: fit(network=MyNetwork((5,)), hidden_layer_sizes=(256, 128)),
            "network is MyNetwork.*of type MyNetwork",
        ),
        (lambda: MyAutoencoder(**SMALL).fit(X), "one of skae's, got MyAutoencoder"),
        (lambda: make_pipeline(fit()), "got Pipeline. Pipelines .* kept by skops"),
        (lambda: DenseNetwork(), "got DenseNetwork"),
        (
            lambda: skae.DriftDetector(make_pipeline(fit())).fit(NEW),
            "model/model is .*of type Pipeline",
        ),
    ],
)
def test_what_is_not_skaes_is_refused(make, match, path):
    with pytest.raises(TypeError, match=match):
        skae.save(make(), path)
    assert not path.exists()


def test_what_is_not_fitted_is_refused(path):
    with pytest.raises(NotFittedError):
        skae.save(skae.AutoencoderTransformer(), path)


def test_attributes_of_a_users_own_are_refused(path):
    model = fit()
    model.note = "mine"
    with pytest.raises(skae.ModelFileError, match="note"):
        skae.save(model, path)


# -- size ---------------------------------------------------------------------------------


def test_a_file_is_hardly_larger_than_the_weights(path):
    model = skae.AutoencoderTransformer(32, hidden_layer_sizes=(256, 128), max_iter=1)
    model.fit(np.random.RandomState(0).uniform(size=(1500, 784)).astype(np.float32))
    skae.save(model, path)
    raw = sum(weight.nbytes for weight in model.net_.module_.parameters())
    assert raw < path.stat().st_size < 1.05 * raw
    # What samples are drawn from takes little of it, and is there.
    assert_array_equal(skae.load(path).sample(3, random_state=0), model.sample(3, random_state=0))


def test_the_first_components_of_a_loaded_model(path):
    model = skae.NestedAutoencoder(3, hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X)
    back = loaded(model, path).truncate(2)
    assert_array_equal(back.transform(NEW), model.truncate(2).transform(NEW))
    drawn = back.sample(3000, random_state=0).std(axis=0)
    assert_allclose(drawn, model.truncate(2).sample(3000, random_state=0).std(axis=0), rtol=0.1)
