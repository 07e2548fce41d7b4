"""Whole pipelines as one graph, by skae and by skl2onnx itself."""

import numpy as np
import onnx
import pandas as pd
import pytest
import skl2onnx
from onnx_cases import LINEAR, X, Y, columns_of, error, run, session_of
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from skae import AutoencoderTransformer, VariationalAutoencoder, to_onnx
from skae.networks import SequenceNetwork


def test_plain_skl2onnx_in_float32():
    rows = X.astype(np.float32)
    pipeline = make_pipeline(
        StandardScaler(), AutoencoderTransformer(4, **LINEAR), LogisticRegression()
    ).fit(rows, Y)
    model = skl2onnx.to_onnx(pipeline, rows[:2], options={"zipmap": False})
    onnx.checker.check_model(model, full_check=True)
    label, probabilities = session_of(model).run(None, {"X": rows})
    np.testing.assert_array_equal(label, pipeline.predict(rows))
    assert error(probabilities, pipeline.predict_proba(rows)) < 1e-5
    assert probabilities.dtype == np.float32


def test_side_by_side():
    # Recurrent networks leave optional inputs of operators out.
    network = SequenceNetwork(kind="gru", hidden_size=4, window_shape=(2, 2))
    gru = AutoencoderTransformer(2, network=network, max_iter=3, random_state=0)
    some_columns = ColumnTransformer([("a", gru, [0, 2, 4, 6]), ("b", StandardScaler(), [1, 3])])
    union = make_union(VariationalAutoencoder(3, **LINEAR), some_columns)
    pipeline = make_pipeline(union, MinMaxScaler()).fit(X)
    model = skl2onnx.to_onnx(pipeline, X[:2])
    onnx.checker.check_model(model, full_check=True)
    assert error(run(model, X), pipeline.transform(X)) < 1e-5
    assert session_of(model).run(None, {"X": X[:0]})[0].shape == (0, 7)


def test_an_option_of_skl2onnx_chooses_the_output():
    last = AutoencoderTransformer(3, **LINEAR)
    pipeline = make_pipeline(MinMaxScaler(), last).fit(X)
    model = skl2onnx.to_onnx(pipeline, X[:2], options={id(last): {"output": "score"}})
    assert error(run(model, X), pipeline.score_samples(X)) < 1e-5
    with pytest.raises(ValueError, match="Unexpected value"):
        skl2onnx.to_onnx(pipeline, X[:2], options={id(last): {"output": "label"}})
    with pytest.raises(ValueError, match=r"target_opset=15 is too old.*18"):
        skl2onnx.to_onnx(pipeline, X[:2], target_opset=15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reconstruction_in_the_unit_of_the_first_step(dtype):
    rows = (X * 3 + (1e6 if dtype is np.float64 else 0)).astype(dtype)
    pipeline = make_pipeline(
        StandardScaler(with_std=False),
        make_pipeline(RobustScaler(), MaxAbsScaler()),
        "passthrough",
        MinMaxScaler(),
        PCA(6, whiten=True),
        AutoencoderTransformer(4, **LINEAR),
    ).fit(rows)
    model = to_onnx(pipeline, rows[:2], "reconstruction")
    expected = pipeline.inverse_transform(pipeline.transform(rows))
    # In units of what varies, not of the mean.
    deviation = np.abs(run(model, rows) - expected).max() / rows.std()
    assert deviation < 1e-5
    assert run(model, rows).dtype == expected.dtype == dtype


def test_predictions_behind_a_pipeline_in_a_pipeline():
    pipeline = Pipeline([("scale", StandardScaler()), ("pca", PCA(4))])
    behind = make_pipeline(pipeline, StandardScaler(), Ridge()).fit(X, Y)
    assert error(run(to_onnx(behind, X, "prediction"), X), behind.predict(X)) < 1e-5


def test_a_search_stands_for_its_best_estimator():
    pipeline = make_pipeline(PCA(), LogisticRegression())
    grid = {"pca__n_components": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, Y.astype(str))
    found = run(to_onnx(search, X, "prediction"), X)
    assert found.tolist() == search.predict(X).tolist()


def test_columns_of_a_data_frame():
    table = pd.DataFrame(X[:, :4], columns=list("abcd"))
    table["kind"] = [f"kind {i}" for i in Y]
    columns = [
        ("numbers", StandardScaler(), ["a", "b", "d"]),
        ("kind", OneHotEncoder(sparse_output=False), ["kind"]),
    ]
    pipeline = make_pipeline(ColumnTransformer(columns), AutoencoderTransformer(3, **LINEAR))
    pipeline.fit(table)
    model = to_onnx(pipeline, table, "score")
    assert error(run(model, columns_of(table)), pipeline.score_samples(table)) < 1e-5
    # Without named columns a DataFrame is a table.
    numbers = table[["a", "b", "d"]]
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(numbers)
    model = to_onnx(pipeline, numbers)
    assert error(run(model, numbers.to_numpy()), pipeline.transform(numbers)) < 1e-5


def test_columns_of_integers_for_skl2onnx():
    # An estimator takes them as one table of float64.
    table = pd.DataFrame((16 * X[:, :3]).astype(np.int64), columns=list("abc"))
    autoencoder = AutoencoderTransformer(2, **LINEAR).fit(table)
    model = skl2onnx.to_onnx(autoencoder, table[:1])
    found = run(model, columns_of(table))
    assert found.dtype == np.float64
    assert error(found, autoencoder.transform(table)) < 1e-5


def test_a_classifier_without_probabilities():
    rows = X.astype(np.float32)
    pipeline = make_pipeline(RobustScaler(), LinearSVC()).fit(rows, Y)
    model = to_onnx(pipeline, rows[:2], "prediction")
    np.testing.assert_array_equal(run(model, rows), pipeline.predict(rows))


def test_inputs_have_the_names_of_columns():
    """skl2onnx makes identifiers of them, and two of these would be one."""
    table = pd.DataFrame(X[:, :4], columns=["a b", "a_b", "length (cm)", "4"])
    columns = ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["a b", "4"]),
            ("same", "passthrough", ["a_b", "length (cm)"]),
        ]
    )
    pipeline = make_pipeline(columns, PCA(2)).fit(table)
    model = to_onnx(pipeline, table)
    assert [given.name for given in model.graph.input] == list(table)
    assert error(run(model, columns_of(table)), pipeline.transform(table)) < 1e-5


def test_a_graph_that_would_not_run_is_refused():
    """ONNX Runtime has no imputer in float64."""
    pipeline = make_pipeline(SimpleImputer(), PCA(2)).fit(X)
    with pytest.raises(ValueError, match=r"does not run: .*Imputer.*Try X_sample.astype"):
        to_onnx(pipeline, X)
    rows = X.astype(np.float32)
    assert error(run(to_onnx(pipeline, rows), rows), pipeline.transform(rows)) < 1e-5
