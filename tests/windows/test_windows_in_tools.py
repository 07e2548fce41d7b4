"""What the tools do with pipelines that begin with windows."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import skae
from skae.persistence import load_estimator
from skae.windows import Patches, Windows

RNG = np.random.default_rng(0)
INPUTS = {
    "recording": (Windows(20), RNG.normal(size=(300, 2))),
    "image": (Patches(5), RNG.normal(size=(40, 40))),
}


@pytest.fixture(scope="module", params=INPUTS)
def fitted(request):
    step, X = INPUTS[request.param]
    ae = skae.AutoencoderTransformer(3, hidden_layer_sizes=(), max_iter=1, random_state=0)
    return make_pipeline(step, ae).fit(X), X


def test_skops_holds_the_pipeline(fitted, tmp_path):
    skops = pytest.importorskip("skops.io")
    model, X = fitted
    skops.dump(model, tmp_path / "model.skops")
    loaded = load_estimator(tmp_path / "model.skops")
    codes = loaded.transform(X)
    np.testing.assert_array_equal(codes, model.transform(X))
    np.testing.assert_array_equal(loaded.inverse_transform(codes), model.inverse_transform(codes))


def test_model_files_refuse_it(fitted, tmp_path):
    model, _ = fitted
    with pytest.raises(TypeError, match=f"got {type(model[0]).__name__}.*skops.io.dump"):
        skae.save(model[0], tmp_path / "model.skae")


def test_graphs_refuse_it(fitted):
    pytest.importorskip("skl2onnx")
    model, X = fitted
    with pytest.raises(ValueError, match=r"changes the number of rows.*model\[1:\]"):
        skae.to_onnx(model, X[:30])


def test_the_server_refuses_it(fitted):
    pytest.importorskip("starlette")
    from skae.serving import make_app

    model, _ = fitted
    with pytest.raises(TypeError, match="cannot be served"):
        make_app(model)
