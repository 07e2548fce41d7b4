"""A graph that gives something else than the estimator is refused."""

import numpy as np
import pandas as pd
import pytest
from onnx_cases import X, Y, columns_of, error, run
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skae import to_onnx
from skae.onnx._comparison import compare
from skae.onnx._outputs import ModelOutput
from skae.onnx._sample import Sample

SINGLE = X.astype(np.float32)


class Shifted(StandardScaler):
    """A scaler that does something else than its parent."""

    def transform(self, X):
        """Return scaled rows that are shifted by one."""
        return super().transform(X) + 1


class Reversed(LogisticRegression):
    """A classifier with probabilities of its own."""

    def predict_proba(self, X):
        """Return probabilities in their reverse order."""
        return super().predict_proba(X)[:, ::-1]


class Backwards(Pipeline):
    """A pipeline that predicts the opposite."""

    def predict(self, X):
        """Return labels in their reverse order."""
        return 2 - super().predict(X)


def test_many_rows_at_thresholds():
    """Scaled in float32, rows of a grid fall on either side of the thresholds between them."""
    forest = make_pipeline(
        SimpleImputer(), StandardScaler(), RandomForestClassifier(30, random_state=0)
    )
    forest.fit(SINGLE, Y)
    with pytest.raises(
        ValueError, match=r"probability\[\d\] of row \d+ of X_sample is 0\.\d+ in p"
    ):
        to_onnx(forest, SINGLE, "probability")


def test_values_that_the_sample_does_not_hold():
    """In float32 the variance of a column that is constant in a class leaves nothing of rows."""
    bayes = make_pipeline(StandardScaler(), GaussianNB()).fit(SINGLE, Y)
    with pytest.raises(ValueError, match=r"in column \d is .*\.astype\('float64'\)"):
        to_onnx(bayes, SINGLE[:100], "probability")
    found = run(to_onnx(bayes.fit(X, Y), X[:100], "probability"), X)
    assert error(found, bayes.predict_proba(X)) < 1e-5


def test_categories_that_are_not_known():
    table = pd.DataFrame({"a": X[:, 0], "kind": [f"kind {i}" for i in Y]})
    for unknown in ("ignore", "error"):
        encoder = OneHotEncoder(handle_unknown=unknown, sparse_output=False)
        columns = ColumnTransformer([("a", StandardScaler(), ["a"]), ("b", encoder, ["kind"])])
        pipeline = make_pipeline(columns, LogisticRegression()).fit(table, Y)
        model = to_onnx(pipeline, table[:20], "probability")
        rows = table[:20].copy()
        if unknown == "ignore":
            rows.loc[:9, "kind"] = "none of these"
        assert error(run(model, columns_of(rows)), pipeline.predict_proba(rows)) < 1e-5


def test_steps_and_pipelines_of_classes_of_a_users_own():
    pipeline = make_pipeline(Shifted(), LogisticRegression()).fit(X, Y)
    with pytest.raises(ValueError, match="Step 'shifted' has no converter"):
        to_onnx(pipeline, X, "prediction")
    steps = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y).steps
    for pipeline in (Backwards(steps), make_pipeline(Backwards(steps))):
        with pytest.raises(ValueError, match=r"Backwards may do something else.*model\.steps"):
            to_onnx(pipeline, X, "prediction")


def test_a_class_of_a_users_own_inside_another_estimator():
    stack = StackingClassifier([("a", Reversed())], cv=2)
    pipeline = make_pipeline(StandardScaler(), stack).fit(X, Y)
    with pytest.raises(ValueError, match=r"no converter for <class '.*Reversed'>"):
        to_onnx(pipeline, X, "probability")


def test_a_method_that_was_replaced():
    scaler = StandardScaler().fit(X)
    scaler.transform = lambda rows: 1.1 * StandardScaler.transform(scaler, rows)
    with pytest.raises(
        ValueError, match=r"something else than transform: codes\[.*[12]\d\d of 200"
    ):
        to_onnx(scaler, X)


class Functions(StandardScaler):
    """A step that answers with a function, and whose labels are those of another model."""

    def __init__(self, function, labels=None):
        self.function = function
        self.labels = labels

    def transform(self, X):
        return self.function(X)

    def __getattr__(self, name):
        # Only of what has probabilities labels may be tied.
        if name in ("predict_proba", "classes_") and self.labels is not None:
            return getattr(self.labels, name)
        raise AttributeError(name)


def check(graph, function, rows, labels=None):
    """Compare a function of rows, as a graph, with another one, as a model."""
    sample = Sample(rows, [])
    output = ModelOutput(Functions(function, labels), "codes")
    compare(lambda columns: graph(sample.rows(columns)), output, sample)


def test_labels_that_are_tied():
    """The estimator takes the first of two labels with half the votes each."""
    tree = DecisionTreeClassifier(max_depth=1, random_state=0)
    rows = np.repeat([[0.0], [1.0]], [100, 100], axis=0).astype(np.float32)
    y = np.r_[np.zeros(99), 1, np.zeros(50), np.ones(50)].astype(int)
    pipeline = make_pipeline(SimpleImputer(), tree).fit(rows, y)
    assert {*pipeline.predict_proba(rows[100:]).ravel()} == {0.5}

    def other(rows):
        return np.where(rows[:, 0] > 0.5, 1, 0)

    # One row of a hundred may be tied; where half of them are, the graph is no use.
    check(other, pipeline.predict, rows[:101], pipeline)
    with pytest.raises(ValueError, match="codes of row"):
        check(other, pipeline.predict, rows, pipeline)
    with pytest.raises(ValueError, match="codes of row 0 "):
        check(lambda rows: 1 - other(rows), pipeline.predict, rows[:50], pipeline)


@pytest.mark.parametrize("size", [1, 2, 200])
def test_rounding_is_no_difference(size):
    def estimator(rows):
        return rows @ np.arange(1.0, 4.0) + 1e3

    def graph(rows):
        return (rows.astype(np.float32) @ np.arange(1, 4, dtype=np.float32)) + np.float32(1e3)

    rows = np.random.default_rng(0).normal(size=(size, 3))
    check(graph, estimator, rows)
    with pytest.raises(ValueError, match=r"codes of row .* apart where .* is rounding"):
        check(lambda rows: 1.1 * graph(rows), estimator, rows)


def test_a_jump_is_where_rounding_puts_it():
    def estimator(rows):
        return np.where(rows[:, 0] > 0.25, 1.0, 0.0)

    def graph(threshold):
        return lambda rows: np.where(rows[:, 0] > threshold, 1.0, 0.0)

    rows = np.linspace(0, 1, 101)[:, None]
    check(graph(0.25 - 1e-7), estimator, rows)
    with pytest.raises(ValueError, match=r"of row 24 of X_sample is 1\.0 in place of 0\.0, 1 ap"):
        check(graph(0.235), estimator, rows)
    # One row of a hundred may be at the threshold, not a third of them.
    rows = np.repeat([[0.0], [0.25], [0.5]], 20, axis=0)
    with pytest.raises(ValueError, match=r"of row 20 of X_sample is 1\.0 .*20 of 60 such rows"):
        check(graph(0.25 - 1e-7), estimator, rows)


def test_labels_that_are_words():
    rows = np.linspace(0, 1, 50)[:, None]

    def graph(rows):
        return np.where(rows[:, 0] > 0.5, "high", "low").astype(object)

    with pytest.raises(ValueError, match=r"codes of row 25 of X_sample is 'high' in .* 'low'"):
        check(graph, lambda rows: graph(rows - 0.03), rows)
    check(graph, lambda rows: graph(rows).astype(str), rows)


def test_the_comparison_looks_at_rows_of_the_whole_sample():
    rows = np.zeros((3000, 2))
    rows[-1] = 1

    def graph(rows):
        return rows.sum(axis=1) * (1 + 0.1 * (rows.sum(axis=1) > 1.5))

    with pytest.raises(ValueError, match="of row 2999 of X_sample"):
        check(graph, lambda rows: rows.sum(axis=1), rows)
