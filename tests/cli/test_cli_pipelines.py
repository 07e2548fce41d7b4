"""The command line and pipelines: predictions, trust, words and gaps."""

import socket

import numpy as np
import pandas as pd
import pytest
from cli_cases import failure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skae
from skae.cli import _reading, main

skops = pytest.importorskip("skops.io")

TABLE = pd.DataFrame(np.random.RandomState(0).randn(60, 3).round(3), columns=["a", "b", "score"])
CLASSES = np.array(["u", "v", "w"] * 20)
TREE = "sklearn.tree._tree.Tree"


@pytest.fixture
def folder(folder):
    """A folder with a table."""
    TABLE.assign(key=[f"{i:03}" for i in range(60)]).to_csv("x.csv", index=False)
    return folder


def autoencoder():
    return skae.AutoencoderTransformer(2, hidden_layer_sizes=(3,), max_iter=1, random_state=0)


def dump(last, y=None, first=None, rows=TABLE):
    """Write a pipeline to p.skops, and return it."""
    pipeline = make_pipeline(first or StandardScaler(), autoencoder(), last).fit(rows, y)
    skops.dump(pipeline, "p.skops")
    return pipeline


def run(command, *options, data="x.csv"):
    """Return the table that a command writes."""
    main([command, "p.skops", data, "--out", "y.csv", *options])
    return pd.read_csv("y.csv", dtype={"key": str})


# -- predict ------------------------------------------------------------------------------


def test_classes_and_their_probabilities(folder, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 25)
    pipeline = dump(LogisticRegression(), CLASSES)
    written = run("predict", "--keep", "key")
    assert list(written) == ["key", "prediction"]
    assert_array_equal(written["prediction"], pipeline.predict(TABLE))
    assert written["key"].iloc[7] == "007"
    written = run("predict", "--probability")
    names = ["probability_u", "probability_v", "probability_w"]
    assert list(written) == ["prediction", *names]
    assert_allclose(written[names], pipeline.predict_proba(TABLE), rtol=1e-6)


def test_values_and_clusters(folder):
    pipeline = dump(Ridge(), TABLE["a"])
    assert_allclose(run("predict")["prediction"], pipeline.predict(TABLE), rtol=1e-6)
    pipeline = dump(Ridge(), TABLE[["a", "b"]])
    written = run("predict")
    assert list(written) == ["prediction_0", "prediction_1"]
    assert_allclose(written, pipeline.predict(TABLE), rtol=1e-6)
    pipeline = dump(KMeans(2, n_init=1, random_state=0))
    assert_array_equal(run("predict")["prediction"], pipeline.predict(TABLE))


def test_probabilities_of_several_outputs(folder):
    labels = np.stack([CLASSES, CLASSES == "u"], axis=1)
    pipeline = dump(KNeighborsClassifier(algorithm="brute"), labels)
    written = run("predict", "--probability")
    expected = np.concatenate(pipeline.predict_proba(TABLE), axis=1)
    assert list(written)[:3] == ["prediction_0", "prediction_1", "probability_0_u"]
    assert_allclose(written.iloc[:, 2:], expected)


def test_the_best_of_a_search(folder):
    steps = make_pipeline(StandardScaler(), autoencoder(), LogisticRegression())
    search = GridSearchCV(steps, {"logisticregression__C": [0.1, 1]}, cv=2).fit(TABLE, CLASSES)
    skops.dump(search, "p.skops")
    assert_array_equal(run("predict")["prediction"], search.predict(TABLE))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["predict", "m.skae"], "the estimator AutoencoderTransformer, which does not predict"),
        (["transform", "p.skops"], "a Pipeline that ends in Ridge, which does not make codes"),
        (["reconstruct", "p.skops"], "a Pipeline that ends in Ridge, which does not encode"),
        (["score", "p.skops"], "a Pipeline that ends in Ridge, which does not score rows"),
        (["predict", "--probability", "p.skops"], "ends in Ridge, which does not give prob"),
    ],
)
def test_what_a_model_does_not_do(command, words, folder):
    dump(Ridge(), TABLE["a"])
    skae.save(autoencoder().fit(TABLE), "m.skae")
    assert words in failure(*command, "x.csv")


# -- columns ------------------------------------------------------------------------------


def test_a_feature_may_be_called_as_what_is_written(folder):
    pipeline = make_pipeline(StandardScaler(), autoencoder()).fit(TABLE)
    skops.dump(pipeline, "p.skops")
    written = run("score", "--keep", "key")
    assert list(written) == ["key", "score"]
    assert_allclose(written["score"], pipeline.score_samples(TABLE), rtol=1e-6)
    message = failure("score", "p.skops", "x.csv", "--keep", "score")
    assert "--keep is score, but what is written has a column of that name" in message


def test_words_and_gaps_reach_steps_that_take_them(folder, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 25)
    rows = TABLE.assign(word=CLASSES.astype(object), flag=CLASSES == "u")
    rows.loc[3, "b"] = rows.loc[30, "score"] = np.nan
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector("a|b|score")),
        (OneHotEncoder(sparse_output=False), ["word", "flag"]),
    )
    pipeline = dump(LogisticRegression(), CLASSES, first=columns, rows=rows)
    rows.to_csv("x.csv", index=False)
    rows.to_parquet("x.parquet")
    for data in ("x.csv", "x.parquet"):
        written = run("predict", "--probability", data=data)
        assert_allclose(written.iloc[:, 1:], pipeline.predict_proba(rows), rtol=1e-6)
    # Other words than it was fitted on.
    rows.loc[40, "word"] = "z"
    rows.to_csv("x.csv", index=False)
    message = failure("predict", "p.skops", "x.csv")
    assert "Column 'word', row 40, counted from 0: Found unknown categories ['z']" in message


def test_gaps_are_taken_and_words_that_no_step_takes_are_named(folder):
    pipeline = dump(LogisticRegression(), CLASSES)
    rows = TABLE.copy()
    rows.loc[7, "b"] = np.nan
    rows.to_csv("x.csv", index=False)
    assert_array_equal(run("predict")["prediction"], pipeline.predict(rows))
    rows = rows.astype(object)
    rows.loc[7, "b"] = "?"
    rows.to_csv("x.csv", index=False)
    message = failure("predict", "p.skops", "x.csv")
    assert "Column 'b', row 7, counted from 0: could not convert string to float: '?'" in message


def test_a_column_is_of_one_type(folder, monkeypatch):
    """Or words that look like numbers would be other categories in some chunks."""
    rows = TABLE.assign(code=["x1", "x2"] * 30)
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    columns = make_column_transformer((encoder, ["code"]), remainder="passthrough")
    pipeline = dump(LogisticRegression(), CLASSES, first=columns, rows=rows)
    rows["code"] = ["x1"] * 30 + ["1"] * 30
    rows.to_csv("x.csv", index=False)
    assert_array_equal(run("predict")["prediction"], pipeline.predict(rows))
    monkeypatch.setattr(_reading, "CHUNK", 30)
    message = failure("predict", "p.skops", "x.csv")
    assert "Column 'code' holds numbers in some rows and words in others" in message
    rows.assign(code=1).to_csv("x.csv", index=False)
    assert "The model takes columns of other types: of this table no columns are" in failure(
        "predict", "p.skops", "x.csv"
    )


def test_rows_without_names(folder):
    pipeline = make_pipeline(StandardScaler(), autoencoder()).fit(TABLE.to_numpy())
    skops.dump(pipeline, "p.skops")
    TABLE.to_csv("x.csv", index=False)
    assert_allclose(run("transform"), pipeline.transform(TABLE.to_numpy()), rtol=1e-6)
    assert list(run("reconstruct")) == list(TABLE)


# -- trust --------------------------------------------------------------------------------

COMMANDS = {
    "predict": ["predict", "p.skops", "x.csv", "--out", "y.csv"],
    "info": ["info", "p.skops"],
    # With the type these go on, and fail for another reason.
    "score": ["score", "p.skops", "x.csv"],
    "transform": ["transform", "p.skops", "x.csv"],
    "reconstruct": ["reconstruct", "p.skops", "x.csv"],
    "sample": ["sample", "p.skops"],
    "report": ["report", "p.skops", "x.csv", "--out", "r.html"],
    "export": ["export", "p.skops", "--out", "p.onnx", "--output", "codes"],
    "serve": ["serve", "p.skops", "--port", "{taken}"],
}


@pytest.fixture
def taken_port():
    """A port at which nothing else can listen, so that a server ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_types_are_trusted_by_name(command, folder, taken_port):
    dump(RandomForestClassifier(2, random_state=0), CLASSES)
    words = [word.format(taken=taken_port) for word in COMMANDS[command]]
    message = failure(*words)
    assert f"p.skops needs types that are not trusted: {TREE}." in message
    assert f"--trust {TREE}" in message
    assert "'all' is no type to trust" in failure(*words, "--trust", "all")
    trusting = [*words, "--trust", TREE, "--trust", "a.b"]
    if command in ("predict", "info"):
        main(trusting)
    else:
        assert "trust" not in failure(*trusting)


def test_the_message_about_many_trees_is_short(folder):
    boosted = HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=1)
    dump(boosted, np.arange(60) % 6)
    message = failure("predict", "p.skops", "x.csv")
    assert len(message) < 1_000
    name = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    assert message.count(f"--trust {name}") == 1
