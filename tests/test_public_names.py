"""A name in ``skae.__all__`` is enough: each tool finds each estimator, or refuses it by name."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris

import skae
from skae.cli import main
from skae.estimators.base import BaseAutoencoder

X = load_iris().data
PUBLIC = [getattr(skae, name) for name in skae.__all__]
ESTIMATORS = [one for one in PUBLIC if isinstance(one, type) and issubclass(one, BaseEstimator)]
AUTOENCODERS = [one for one in ESTIMATORS if issubclass(one, BaseAutoencoder)]


def fitted(kind):
    """Return a fitted estimator of a public class, however it is made."""
    if issubclass(kind, BaseAutoencoder):
        return kind(3, max_iter=1, random_state=0).fit(X)
    autoencoder = fitted(skae.AutoencoderTransformer)
    if kind is skae.AutoencoderOutlierDetector:
        return kind(clone(autoencoder), n_estimators=2, cv=2, random_state=0).fit(X)
    return kind(autoencoder).fit(X)


def answer(estimator):
    """Return what the first method that an estimator has answers for rows that fit it."""
    names = ("score_samples", "transform", "inverse_transform", "test")
    name = next(name for name in names if hasattr(estimator, name))
    result = getattr(estimator, name)(X[:, :3] if name == "inverse_transform" else X)
    return np.asarray(getattr(result, "p_value", result))


@pytest.fixture(scope="module", params=ESTIMATORS, ids=lambda kind: kind.__name__)
def estimator(request):
    return fitted(request.param)


def test_model_files_hold_it(estimator, tmp_path):
    skae.save(estimator, tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    assert type(loaded) is type(estimator)
    assert np.array_equal(answer(loaded), answer(estimator))


# Graphs of autoencoders are compared with their answers in tests/onnx, also by their names.
@pytest.mark.parametrize(
    "estimator", sorted({*ESTIMATORS} - {*AUTOENCODERS}, key=str), indirect=True
)
def test_it_has_a_graph_or_is_refused_by_name(estimator):
    pytest.importorskip("skl2onnx")
    kind = type(estimator)
    if kind is skae.DriftDetector:
        with pytest.raises(TypeError, match="DriftDetector"):
            skae.to_onnx(estimator, X)
    else:
        decodes = kind is skae.Decoder
        rows, output = (X[:, :3], "reconstruction") if decodes else (X, "codes")
        assert skae.to_onnx(estimator, rows, output).graph.output[0].name == output


def test_the_command_line_fits_it(tmp_path, capsys):
    table = tmp_path / "iris.csv"
    np.savetxt(table, X, delimiter=",", header="a,b,c,d", comments="")
    for kind in AUTOENCODERS:
        name = kind.__name__.removeprefix("Autoencoder").removesuffix("Autoencoder").lower()
        out = tmp_path / f"{name}.skae"
        arguments = ["--estimator", name, "--set", "max_iter=1", "--out", str(out)]
        main(["fit", str(table), *arguments])
        assert type(skae.load(out)) is kind
