"""Tables with NaN: which graphs do with it what the estimator does, and which are refused."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from onnx_cases import FAST, METHODS, X, Y, error, run
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    to_onnx,
)
from skae.networks import SequenceNetwork

SINGLE = X.astype(np.float32)


def passing_column(first, last, fitted_on=pd.DataFrame):
    """A pipeline whose last column passes the first step by, and a table with gaps there."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc")).astype(np.float32)
    y = (table.a + table.c > 0).astype(int).to_numpy()
    table.loc[rng.random(300) < 0.3, "c"] = np.nan
    columns = ColumnTransformer([("first", first, ["a", "b"])], remainder="passthrough")
    return make_pipeline(columns, last).fit(fitted_on(table), y), table


def clean(table):
    return table.fillna(0.0)


@pytest.mark.parametrize("fitted_on", [pd.DataFrame, clean], ids=["gaps", "no gaps"])
@pytest.mark.parametrize("last", [DecisionTreeClassifier(), ExtraTreesClassifier(5)])
def test_trees_that_learned_where_nan_goes(last, fitted_on):
    """All of scikit-learn's take NaN, whether they were fitted on it or not."""
    tree = clone(last).set_params(random_state=0)
    pipeline, table = passing_column(AutoencoderTransformer(1, **FAST), tree, fitted_on)
    refusal = "NaN in column 'c' comes to the trees of step|has trees that were fitted on missing"
    # Whether or not the sample has gaps itself.
    for sample in (table, table.dropna()[:2]):
        with pytest.raises(ValueError, match=f"({refusal}).*SimpleImputer"):
            to_onnx(pipeline, sample, "prediction")


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


def test_another_step_that_does_something_else_with_nan():
    """An imputer behind a transformer hides what is missing from all that follows."""
    power = make_pipeline(PowerTransformer(), SimpleImputer(), LogisticRegression())
    pipeline, table = passing_column(PCA(1), power)
    for sample, place in ((table, r"row \d+ of X_sample is"), (table.dropna()[:20], "column 'c'")):
        match = f"predict_proba: .*{place}.*takes NaN, and a step of it"
        with pytest.raises(ValueError, match=match):
            to_onnx(pipeline, sample, "probability")


def test_nan_that_the_graph_gets_right_is_no_difference():
    pipeline = make_pipeline(StandardScaler(), SimpleImputer(), LogisticRegression())
    pipeline.fit(SINGLE, Y)
    gaps = np.where(SINGLE > 0.9, np.float32(np.nan), SINGLE)
    model = to_onnx(pipeline, gaps, "prediction")
    np.testing.assert_array_equal(run(model, gaps), pipeline.predict(gaps))


@cache
def images_and_windows():
    """Fitted networks that take holes, with rows that have some."""
    rng = np.random.default_rng(0)
    images, windows = rng.normal(size=(60, 6, 6)), rng.normal(size=(60, 8, 2)).cumsum(axis=1)
    images[:, 1:3, 2:4] = images[:, 3:5, 2:4] = np.nan
    images[::2, 1:3, 2:4], images[1::2, 3:5, 2:4] = 1.0, -1.0
    windows[::3, 2:5, 1] = np.nan
    network = SequenceNetwork(channels=(4,))
    params = {"max_iter": 2, "random_state": 0}
    return {
        "images": (ConvolutionalAutoencoder(2, channels=(4,), **params).fit(images), images),
        "windows": (DenoisingAutoencoder(2, network=network, **params).fit(windows), windows),
    }


@cache
def graph_with_holes(kind, output):
    model, rows = images_and_windows()[kind]
    return to_onnx(model, rows[:20], output)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("output", ["codes", "reconstruction", "score"])
@pytest.mark.parametrize("kind", ["images", "windows"])
def test_images_and_windows_with_holes(kind, output):
    model, rows = images_and_windows()[kind]
    assert model._means is not None
    graph = graph_with_holes(kind, output)
    # Other holes than those of fit, and none.
    moved = np.where(np.isnan(rows), 0.5, rows)
    moved[3, 0], moved[5, :, 0] = np.nan, np.nan
    for X_new in (rows, moved):
        method = METHODS.get(output, "reconstruct")
        assert error(run(graph, X_new), getattr(model, method)(X_new)) < 1e-5


def test_what_holes_hide_never_matters():
    _, rows = images_and_windows()["images"]
    graph, full = graph_with_holes("images", "score"), np.where(np.isnan(rows), 0.5, rows)
    assert np.abs(run(graph, full) - run(graph, rows)).max() > 1e-3
    of_full = ConvolutionalAutoencoder(2, channels=(4,), max_iter=2, random_state=0).fit(full)
    graph = to_onnx(of_full, rows[:20], "codes")
    means = np.where(np.isnan(rows), full.mean(axis=0), rows)
    assert error(run(graph, rows), of_full.transform(means)) < 1e-5
    assert error(run(graph, rows), of_full.transform(rows)) < 1e-5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_detectors_of_images_refuse_holes_in_python():
    model, rows = images_and_windows()["images"]
    with pytest.raises(ValueError, match="NaN"):
        AutoencoderOutlierDetector(model, n_estimators=1).fit(rows)
