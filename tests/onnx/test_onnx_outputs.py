"""An output holds what the method gives that it is named after."""

import numpy as np
import pandas as pd
import pytest
from onnx_cases import LINEAR, X, Y, answer, check_graph, columns_of, error, run, session_of
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skae import AutoencoderTransformer, to_onnx

SINGLE = X.astype(np.float32)


def test_clusters_behind_an_autoencoder():
    autoencoder, clusters = AutoencoderTransformer(2, **LINEAR), KMeans(3, n_init=1, random_state=0)
    pipeline = make_pipeline(autoencoder, clusters).fit(X)
    model = to_onnx(pipeline, X[:5])
    check_graph(model, pipeline.transform(X), X, "codes")


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
@pytest.mark.parametrize("output", ["codes", "prediction"])
def test_clusters(kind, output):
    pipeline = make_pipeline(StandardScaler(), kind(3, n_init=1, random_state=0)).fit(X)
    found = run(to_onnx(pipeline, X[:5], output), X)
    assert error(found, answer(pipeline, X, output)) < 1e-5


@pytest.mark.parametrize(
    "last",
    [
        LinearDiscriminantAnalysis(),
        StackingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
        # Its codes have the shape of its probabilities.
        StackingClassifier([("a", GaussianNB())], cv=2),
    ],
)
def test_predictors_whose_codes_no_converter_gives(last):
    pipeline = make_pipeline(StandardScaler(), last).fit(X, Y)
    with pytest.raises(ValueError, match=r"no graph for transform|something else than transform"):
        to_onnx(pipeline, X[:50])
    found = run(to_onnx(pipeline, X[:50], "prediction"), X)
    np.testing.assert_array_equal(found, pipeline.predict(X))


@pytest.mark.parametrize(
    ("last", "y", "rows"),
    [
        (LogisticRegression(), Y, X),
        (LogisticRegression(), Y > 0, X),
        (LogisticRegression(), Y.astype(str), SINGLE),
        (GaussianMixture(2, random_state=0), Y, X),
        (StackingClassifier([("a", LogisticRegression())], cv=2), Y, X),
        (GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2), Y, X),
    ],
)
def test_probabilities(last, y, rows):
    pipeline = make_pipeline(StandardScaler(), last).fit(rows, y)
    model = to_onnx(pipeline, rows[:20], "probability")
    expected = pipeline.predict_proba(rows)
    (output,) = session_of(model).get_outputs()
    assert (output.name, output.shape[1:]) == ("probability", [expected.shape[1]])
    assert error(run(model, rows), expected) < 1e-5


def test_probabilities_behind_an_autoencoder():
    forest = RandomForestClassifier(10, random_state=0)
    pipeline = make_pipeline(AutoencoderTransformer(3, **LINEAR), forest).fit(X, Y)
    model = to_onnx(pipeline, X[:100], "probability")
    far = np.abs(run(model, X) - pipeline.predict_proba(X)).max(axis=1) > 1e-5
    # A code may be at a threshold.
    assert far.mean() < 0.01


def test_what_gives_no_probabilities():
    pipeline = make_pipeline(StandardScaler(), LinearSVC()).fit(SINGLE, Y)
    with pytest.raises(ValueError, match="output='probability' is nothing that LinearSVC gives"):
        to_onnx(pipeline, SINGLE, "probability")
    several = make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(X, np.c_[Y, Y])
    with pytest.raises(ValueError, match="predict_proba gives 2 tables, one for each target"):
        to_onnx(several, X, "probability")


@pytest.mark.parametrize(
    ("names", "output", "found"),
    [
        (["score", "input", "label"], "codes", "codes"),
        (["codes", "score", "column"], "codes", "output_codes"),
        (["codes", "output_codes", "X"], "codes", "output_output_codes"),
        (["prediction", "decision", "probabilities"], "prediction", "output_prediction"),
        (["inside/variable", "steps/variable", "variable"], "prediction", "prediction"),
        ([0, 1, 2], "codes", "codes"),
    ],
)
def test_names_of_columns_and_of_the_output(names, output, found):
    table = pd.DataFrame(X[:, :3], columns=names)
    columns = ColumnTransformer([("a", StandardScaler(), names[:2])], remainder="passthrough")
    last = PCA(2) if output == "codes" else LogisticRegression()
    pipeline = make_pipeline(columns, last).fit(table, Y)
    session = session_of(to_onnx(pipeline, table[:20], output))
    assert [given.name for given in session.get_inputs()] == [*map(str, names)]
    assert [given.name for given in session.get_outputs()] == [found]
    (values,) = session.run([found], columns_of(table))
    assert error(values, answer(pipeline, table, output)) < 1e-5
