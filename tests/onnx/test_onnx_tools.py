"""Probabilities as graphs that the command line writes and the server serves."""

import numpy as np
import pytest
import skops.io
from onnx_cases import X, Y
from serving_cases import data_of, infer, running, tensor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae.cli import main


def exported(model, output, folder, capsys):
    """Export a model by the command line; return the file."""
    file = folder / "model.skops"
    skops.io.dump(model, file)
    graph = folder / f"{output}.onnx"
    arguments = ["--out", str(graph), "--output", output, "--dtype", "float64"]
    main(["export", str(file), *arguments])
    assert f"{output} of float64 rows" in capsys.readouterr().out
    return graph


def served(graph, output):
    """Serve a graph; return what it answers for the rows."""
    with running(graph) as port:
        data = data_of(infer(port, tensor(X[:20], name="X"))[2])
    return data[output]


def test_probabilities(tmp_path, capsys):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    found = served(exported(model, "probability", tmp_path, capsys), "probability")
    np.testing.assert_allclose(found, model.predict_proba(X[:20]), atol=1e-5)


def test_what_the_model_does_not_give(tmp_path, capsys):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    with pytest.raises(SystemExit, match="skae: output='p_value' is nothing that LogisticReg"):
        exported(model, "p_value", tmp_path, capsys)
    assert not (tmp_path / "p_value.onnx").exists()
