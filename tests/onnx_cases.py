"""Graphs in a real runtime, and the tables that they are given."""

import numpy as np
import onnx
from sklearn.datasets import load_digits

from skae.onnx import OPSET, inference_session

# Small tables in [0, 1], for which every loss is defined.
X, Y = load_digits(return_X_y=True)
X, Y = X[:400, 18:34].clip(1, 15) / 16, Y[:400] % 3
FAST = {"hidden_layer_sizes": (9,), "max_iter": 3, "random_state": 0}
# A network is exported the faster the fewer layers it has.
LINEAR = FAST | {"hidden_layer_sizes": ()}

METHODS = {
    "codes": "transform",
    "score": "score_samples",
    "prediction": "predict",
    "probability": "predict_proba",
    "p_value": "p_values",
}


def session_of(model):
    """A session of ONNX Runtime."""
    return inference_session(model.SerializeToString())


def run(model, rows):
    """The only output of a graph for rows, or for columns by name."""
    session = session_of(model)
    (output,) = session.get_outputs()
    feeds = rows if isinstance(rows, dict) else {"X": rows}
    return session.run([output.name], feeds)[0]


def columns_of(table):
    """What a graph with an input for each column is given for a DataFrame."""
    return {str(name): table[[name]].to_numpy() for name in table}


def error(found, expected):
    """The largest difference, in units of the largest value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def answer(estimator, rows, output):
    """What an estimator gives where its graph gives an output."""
    if output == "reconstruction":
        return estimator.inverse_transform(estimator.transform(rows))
    return getattr(estimator, METHODS[output])(rows)


def check_graph(model, expected, rows, output):
    """Compare a graph with what an estimator gave, for batches of several sizes."""
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import if not one.domain] == [
        ("", OPSET)
    ]
    session = session_of(model)
    assert [given.name for given in session.get_inputs()] == ["X"]
    assert [given.name for given in session.get_outputs()] == [output]
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    # Nor paths of the machine that wrote the graph.
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    scale = np.abs(expected).max()
    for size in (0, 1, 7, 300):
        (found,) = session.run(None, {"X": rows[:size]})
        assert found.dtype == expected.dtype
        assert found.shape == (size, *expected.shape[1:])
        assert np.abs(found - expected[:size]).max(initial=0) <= 1e-5 * scale, (output, size)
