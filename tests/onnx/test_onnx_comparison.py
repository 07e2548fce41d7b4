"""A graph that gives something else than the estimator is refused."""

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from onnx_cases import FAST, X, Y, error, run
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
    to_onnx,
)
from skae.onnx._comparison import compare
from skae.onnx._outputs import ModelOutput
from skae.onnx._sample import Sample

METHODS = {"prediction": "predict", "probability": "predict_proba"}
SINGLE = X.astype(np.float32)


class DoubledScores(VariationalAutoencoder):
    """A variational autoencoder that scores in a unit of its own."""

    def score_samples(self, X):
        """Return twice the score."""
        return 2 * super().score_samples(X)


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


def passing_column(last, fitted_on=pd.DataFrame):
    """A pipeline whose last column passes an autoencoder by, and a table with gaps there."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc")).astype(np.float32)
    y = (table.a + table.c > 0).astype(int).to_numpy()
    table.loc[rng.random(300) < 0.3, "c"] = np.nan
    columns = ColumnTransformer(
        [("ae", AutoencoderTransformer(1, **FAST), ["a", "b"])], remainder="passthrough"
    )
    return make_pipeline(columns, last).fit(fitted_on(table), y), table


def clean(table):
    return table.fillna(0.0)


@pytest.mark.parametrize("fitted_on", [pd.DataFrame, clean], ids=["gaps", "no gaps"])
@pytest.mark.parametrize("last", [DecisionTreeClassifier(), ExtraTreesClassifier(5)])
def test_trees_that_learned_where_nan_goes(last, fitted_on):
    """All of scikit-learn's take NaN, whether they were fitted on it or not."""
    pipeline, table = passing_column(clone(last).set_params(random_state=0), fitted_on)
    refusal = "NaN in column 'c' comes to the trees of step|has trees that were fitted on missing"
    # Whether or not the sample has gaps itself.
    for sample in (table, table.dropna()[:2]):
        with pytest.raises(ValueError, match=f"({refusal}).*SimpleImputer"):
            to_onnx(pipeline, sample, "prediction")


def test_another_step_that_does_something_else_with_nan():
    """An imputer behind a transformer hides what is missing from all that follows."""
    power = make_pipeline(PowerTransformer(), SimpleImputer(), LogisticRegression())
    pipeline, table = passing_column(power)
    for sample, place in ((table, r"row \d+ of X_sample is"), (table.dropna()[:20], "column 'c'")):
        match = f"predict_proba: .*{place}.*takes NaN, and a step of it"
        with pytest.raises(ValueError, match=match):
            to_onnx(pipeline, sample, "probability")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("last", [DecisionTreeClassifier(), RandomForestClassifier(5)])
def test_trees_that_split_at_missing_values(dtype, last):
    """What is missing says everything of the class, so it is what trees split at."""
    rows = X.astype(dtype)
    rows[Y == 0, 2] = np.nan
    table = pd.DataFrame(rows).rename(columns=str)
    encoder = ColumnTransformer(
        [("ae", AutoencoderTransformer(1, max_iter=2, random_state=0), ["0", "1"])],
        remainder="passthrough",
    )
    pipeline = make_pipeline(encoder, clone(last).set_params(random_state=0)).fit(table, Y)
    with pytest.raises(ValueError, match=r"fitted on missing values.*SimpleImputer"):
        to_onnx(pipeline, table[:20], "prediction")


@pytest.mark.parametrize("output", ["prediction", "probability"])
def test_an_imputer_before_the_trees(output):
    """It is what the error advises."""
    # Not of a grid, where many rows lie at a threshold.
    noise = np.random.default_rng(0).normal(scale=0.1, size=X.shape)
    rows, method = (X + noise).astype(np.float32), METHODS[output]
    plain = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(rows, Y)
    with pytest.raises(ValueError, match=r"NaN in column \d comes to the trees.*SimpleImputer"):
        to_onnx(plain, rows[:20], output)
    filled = make_pipeline(SimpleImputer(), *(step for _, step in plain.steps)).fit(rows, Y)
    found = run(to_onnx(filled, rows[:20], output), rows)
    assert error(found, getattr(filled, method)(rows)) < 1e-5


def test_many_rows_at_thresholds():
    """Scaled in float32, rows of a grid fall on either side of the thresholds between them."""
    forest = make_pipeline(
        SimpleImputer(), StandardScaler(), RandomForestClassifier(random_state=0)
    )
    forest.fit(SINGLE, Y)
    with pytest.raises(
        ValueError, match=r"probability\[\d\] of row \d+ of X_sample is 0\.\d+ in p"
    ):
        to_onnx(forest, SINGLE, "probability")


def test_nan_that_the_graph_gets_right_is_no_difference():
    pipeline = make_pipeline(StandardScaler(), SimpleImputer(), LogisticRegression())
    pipeline.fit(SINGLE, Y)
    gaps = np.where(SINGLE > 0.9, np.float32(np.nan), SINGLE)
    model = to_onnx(pipeline, gaps, "prediction")
    np.testing.assert_array_equal(run(model, gaps), pipeline.predict(gaps))


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
        feeds = {name: rows[[name]].to_numpy() for name in rows}
        assert error(run(model, feeds), pipeline.predict_proba(rows)) < 1e-5


@pytest.fixture(scope="module")
def doubled():
    return DoubledScores(2, **FAST).fit(X)


def test_classes_that_answer_in_their_own_way(doubled):
    detector = AutoencoderOutlierDetector(
        DoubledScores(2, **FAST), n_estimators=1, scoring="likelihood", random_state=0
    ).fit(X)
    for estimator, output in (
        (doubled, "score"),
        (doubled.encoder_, "codes"),
        (doubled.decoder_, "reconstruction"),
        (detector, "score"),
        (make_pipeline(doubled.encoder_, StandardScaler()).fit(X), "codes"),
    ):
        rows = X[:, :2] if output == "reconstruction" else X
        with pytest.raises(ValueError, match=r"has no converter to ONNX: .*DoubledScores"):
            to_onnx(estimator, rows, output)
    with pytest.raises(ValueError, match=r"has no converter to ONNX: .*DoubledScores"):
        skl2onnx.to_onnx(detector, X[:2])


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
    autoencoder = AutoencoderTransformer(2, **FAST).fit(X)
    autoencoder.transform = lambda rows: 1.1 * AutoencoderTransformer.transform(autoencoder, rows)
    with pytest.raises(
        ValueError, match=r"something else than transform: codes\[.*[12]\d\d of 200"
    ):
        to_onnx(autoencoder, X)


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
