"""Errors name the kind of a file that is no model file, and the function that opens it."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae

X = np.random.RandomState(0).uniform(size=(40, 4))


@pytest.fixture(scope="module")
def model():
    return skae.AutoencoderTransformer(2, hidden_layer_sizes=(3,), max_iter=1).fit(X)


def write_skops(model, path):
    io = pytest.importorskip("skops.io")
    io.dump(make_pipeline(StandardScaler(), model).fit(X), path)


def write_onnx(model, path):
    helper = pytest.importorskip("onnx.helper")
    graph = helper.make_graph([], "empty", [], [])
    path.write_bytes(helper.make_model(graph).SerializeToString())


def write_pickle(protocol):
    return lambda model, path: path.write_bytes(pickle.dumps(model, protocol=protocol))


def write_text(text):
    return lambda model, path: path.write_text(text)


# A name, what writes it, and what the error says of it.
KINDS = [
    ("clf.skops", write_skops, r"skops.io.load\(path, trusted=skae.persistence.TRUSTED_TYPES\)"),
    ("skops.skae", write_skops, "skops.io.load"),
    ("m.joblib", joblib.dump, r"a pickle, which joblib.load\(path\) opens, and which runs"),
    ("m.skae", joblib.dump, r"joblib.load\(path\)"),
    ("m.gz", lambda model, path: joblib.dump(model, path, compress=3), "compressed; if joblib"),
    ("m.xz", lambda model, path: joblib.dump(model, path, compress="xz"), "compressed; if joblib"),
    ("m.pkl", write_pickle(0), "a pickle"),
    ("m.pickle", write_pickle(2), "a pickle"),
    ("m.pt", lambda model, path: torch.save(model.net_.module_.state_dict(), path), "torch.load"),
    ("m.onnx", write_onnx, "an ONNX graph.*skae serve"),
    ("m.npy", lambda model, path: np.save(path, X), "numpy.load"),
    ("m.npz", lambda model, path: np.savez(path, X=X), "numpy.load"),
    ("m.safetensors", lambda model, path: save_file({"x": X}, path), "weights alone"),
    ("m.skae", write_text("version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"),
    ("m.skae", write_text("<!DOCTYPE html><html></html>"), "a web page"),
    ("m.skae", write_text(""), "seems to be empty"),
    ("iris.csv", write_text("a,b\n1,2\n"), "it is damaged, or no model file"),
]


@pytest.mark.parametrize(("name", "write", "match"), KINDS, ids=[name for name, *_ in KINDS])
def test_the_error_says_what_opens_it(name, write, match, model, tmp_path):
    path = tmp_path / name
    write(model, path)
    with pytest.raises(skae.ModelFileError, match=f"{name}' cannot be loaded: .*{match}"):
        skae.load(path)


@pytest.mark.parametrize("name", ["model", "model.skops", "model.joblib", "model.onnx"])
def test_a_model_file_loads_whatever_its_name(name, model, tmp_path):
    skae.save(model, tmp_path / name)
    loaded = skae.load(str(tmp_path / name))
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_a_missing_file_and_a_directory_name_the_models_that_are_there(model, tmp_path):
    for name in ("iris.skae", "digits.skae"):
        skae.save(model, tmp_path / name)
    with pytest.raises(
        FileNotFoundError, match=r"no such file; beside it are iris.skae, digits"
    ) as error:
        skae.load(tmp_path / "irises.skae")
    assert Path(error.value.filename).name == "irises.skae"
    with pytest.raises(IsADirectoryError, match=r"directory.*in it are .*skae"):
        skae.load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="There is no such file: "):
        skae.load(tmp_path / "empty" / "iris.skae")
    with pytest.raises(IsADirectoryError, match="This is a directory, expected a file of skae"):
        skae.load(tmp_path / "empty")


def test_where_nothing_can_be_written(model, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no such folder: .*absent'"):
        skae.save(model, tmp_path / "absent" / "m.skae")
    with pytest.raises(IsADirectoryError, match="This is a directory, expected a file"):
        skae.save(model, tmp_path)
    assert [*tmp_path.iterdir()] == []
