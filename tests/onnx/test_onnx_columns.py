"""Graphs of tables with columns of several types: an input and an output for each column."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx_cases import run, session_of
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, DenoisingAutoencoder, SparseAutoencoder, to_onnx
from skae.tables import PlainTable

N = 90
SMALL = {"hidden_layer_sizes": (), "max_iter": 3, "random_state": 0}


def table():
    """Columns of every type; those whose names end in "gaps" have some."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, N))
    moments = pd.Timestamp("2024-05-01 12:00") + pd.to_timedelta((900 * a).round(), unit="h")
    frame = pd.DataFrame(
        {
            "whole": (10 * a).round().astype(int),
            "whole gaps": pd.array((10 * b).round().astype(int), dtype="Int64"),
            "real": a * b,
            "word": np.array(["x", "y", "rare"])[np.digitize(a, [-0.5, 1.2])],
            "word gaps": np.array(["é", "007"])[np.digitize(b, [0])],
            "truth": a > b,
            "truth gaps": pd.array(b > 0, dtype="boolean"),
            "level": pd.Categorical((a + b).round().clip(-1, 1).astype(int)),
            "half gaps": pd.Categorical(np.where(a > 0, 0.5, 1.5)),
            "moment": moments.tz_localize("Europe/Berlin"),
            "day gaps": moments.normalize(),
            "time": [dt.time(int(hour)) for hour in moments.hour],
            "took": pd.to_timedelta((100 + 30 * b).round(), unit="min"),
        }
    )
    for i, name in enumerate(frame.columns):
        if name.endswith("gaps"):
            frame[name] = frame[name].mask(np.arange(N) % 13 == i)
    return frame


@pytest.fixture(scope="module")
def model():
    return AutoencoderTransformer(3, **SMALL).fit(table())


@pytest.fixture(scope="module")
def codes(model):
    """The graph of its codes."""
    return to_onnx(model, table())


def feeds_of(frame, n_rows=N):
    """What a client that knows the README gives the graph."""
    feeds = {}
    for name, column in frame[:n_rows].items():
        if name in ("moment", "day gaps"):
            zone = getattr(column.dtype, "tz", None)
            column = (column - pd.Timestamp(0, tz=zone and "UTC")).dt.total_seconds()
        elif name == "time":
            column = column.map(lambda time: 3600 * time.hour)
        elif name == "took":
            column = column.dt.total_seconds()
        if name.startswith("word"):
            column = column.astype(object).where(column.notna(), "")
        elif name.endswith("gaps"):
            column = column.astype(float)
        elif name == "level":
            column = column.astype(int)
        elif name in ("moment", "time", "took"):
            column = column.astype(float)
        feeds[name] = column.to_numpy()[:, None]
    return feeds


def test_codes(model, codes):
    frame = table()
    found = run(codes, feeds_of(frame))
    assert found.dtype == np.float64
    assert_allclose(found, model.transform(frame), rtol=1e-4, atol=1e-5)
    types = {given.name: given.type for given in session_of(codes).get_inputs()}
    assert types == {
        "whole": "tensor(int64)",
        "whole gaps": "tensor(double)",
        "real": "tensor(double)",
        "word": "tensor(string)",
        "word gaps": "tensor(string)",
        "truth": "tensor(bool)",
        "truth gaps": "tensor(double)",
        "level": "tensor(int64)",
        "half gaps": "tensor(double)",
        "moment": "tensor(double)",
        "day gaps": "tensor(double)",
        "time": "tensor(double)",
        "took": "tensor(double)",
    }
    for n_rows in (0, 1):
        assert run(codes, feeds_of(frame, n_rows)).shape == (n_rows, 3)


def test_scores_of_unknown_categories_and_new_gaps(model):
    frame = table()
    graph = to_onnx(model, frame, "score")
    assert_allclose(run(graph, feeds_of(frame)), model.score_samples(frame), rtol=1e-5)
    no_moment = frame["moment"].where(frame["moment"].isna())
    other = frame.assign(moment=no_moment)[:3].assign(word="z", real=np.nan, level=[7, 8, 9])
    assert_allclose(run(graph, feeds_of(other)), model.score_samples(other), rtol=1e-5)


def test_reconstructions_are_columns_of_the_caller(model):
    frame = table()
    graph = to_onnx(model, frame, "reconstruction")
    session = session_of(graph)
    outputs = {
        output.name.removeprefix("reconstruction_"): output for output in session.get_outputs()
    }
    assert list(outputs) == list(frame.columns)
    values = session.run(None, feeds_of(frame))
    plain = PlainTable.of(model)
    expected = plain.arrays(model.reconstruct(frame), decoded=True)
    for name, found, cells in zip(outputs, values, expected, strict=True):
        assert found.shape == (N, 1)
        assert found.dtype == cells.dtype
        if name == "real":
            assert_allclose(found[:, 0], cells, rtol=1e-3, atol=1e-4)
        elif found.dtype == np.float64 and name in ("moment", "took", "time"):
            # A few seconds in a year.
            assert_allclose(found[:, 0], cells, atol=60)
        else:
            assert_array_equal(found[:, 0], cells)
    # They can go in again: no gap is left.
    back = dict(zip(outputs, values, strict=True))
    kinds = {given.name: given.type for given in session.get_inputs()}
    feeds = {
        name: cells.astype(float) if kinds[name] == "tensor(double)" else cells
        for name, cells in back.items()
    }
    assert len(session.run(None, feeds)) == len(back)


def test_the_graph_says_what_its_columns_are(codes):
    about = {one.key: json.loads(one.value) for one in codes.metadata_props}
    columns = {one["name"]: one for one in about["skae.columns"]}
    assert list(columns) == list(table().columns)
    assert columns["word"]["categories"] == ["rare", "x", "y"]
    assert columns["moment"]["unit"].startswith("seconds since 1970")
    assert columns["whole"]["range"] == [table()["whole"].min(), table()["whole"].max()]
    without = {"whole", "truth", "level"}
    assert set(about["skae.inputs_with_gaps"]) == set(columns) - without


def test_a_column_of_the_name_of_an_output():
    frame = table()[["word", "real"]].set_axis(["score", "real"], axis=1)
    frame["reconstruction_real"] = frame["real"]
    model = AutoencoderTransformer(2, **SMALL).fit(frame)
    feeds = {name: frame[[name]].to_numpy() for name in frame}
    assert session_of(to_onnx(model, frame, "score")).get_outputs()[0].name == "output_score"
    back = session_of(to_onnx(model, frame, "reconstruction"))
    names = [output.name for output in back.get_outputs()]
    assert names[1] == "output_reconstruction_real"
    assert len(back.run(None, feeds)) == 3


def test_polars_and_arrays_of_objects():
    frame = table()[["word gaps", "real", "truth"]]
    model = AutoencoderTransformer(2, **SMALL).fit(pl.from_pandas(frame))
    found = run(to_onnx(model, pl.from_pandas(frame)), feeds_of(frame))
    assert_allclose(found, model.transform(pl.from_pandas(frame)), rtol=1e-4, atol=1e-5)
    rows = frame.to_numpy(object)
    nameless = AutoencoderTransformer(2, **SMALL).fit(rows)
    feeds = dict(zip(["x0", "x1", "x2"], feeds_of(frame).values(), strict=True))
    found = run(to_onnx(nameless, rows), feeds)
    assert_allclose(found, nameless.transform(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "estimator",
    [
        DenoisingAutoencoder(2, hidden_layer_sizes=(4,), max_iter=2, random_state=0),
        SparseAutoencoder(4, **SMALL),
    ],
)
def test_other_estimators(estimator):
    frame = table()[["word gaps", "real", "day gaps"]]
    model = estimator.fit(frame)
    found = run(to_onnx(model, frame, "score"), feeds_of(frame))
    assert_allclose(found, model.score_samples(frame), rtol=1e-4, atol=1e-5)


def test_a_pipeline_goes_on_behind_such_a_model():
    frame, y = table(), np.arange(N) % 2
    forest = RandomForestClassifier(5, random_state=0)
    pipeline = make_pipeline(AutoencoderTransformer(3, **SMALL), forest).fit(frame, y)
    found = run(to_onnx(pipeline, frame, "probability"), feeds_of(frame))
    assert (np.abs(found - pipeline.predict_proba(frame)).max(axis=1) < 1e-6).mean() > 0.97
    both = make_pipeline(AutoencoderTransformer(3, **SMALL), AutoencoderTransformer(2, **SMALL))
    both.fit(frame)
    with pytest.raises(ValueError, match="no graph for the inverse_transform of step 'auto"):
        to_onnx(both, frame, "reconstruction")


def test_halves(model):
    frame = table()
    codes = model.transform(frame)
    assert_allclose(
        run(to_onnx(model.encoder_, frame), feeds_of(frame)), codes, rtol=1e-4, atol=1e-5
    )
    session = session_of(to_onnx(model.decoder_, codes, "reconstruction"))
    values = session.run(None, {"X": codes})
    words = values[list(table().columns).index("word")]
    assert_array_equal(words[:, 0], model.inverse_transform(codes)["word"])


def test_quantized_networks(model):
    frame = table()
    graph = to_onnx(model, frame, quantize=True)
    assert np.abs(run(graph, feeds_of(frame)) - model.transform(frame)).max() < 0.2


@pytest.mark.parametrize("named", [False, True])
def test_numbers_with_gaps_are_one_input(named):
    frame = table()[["whole gaps", "real", "whole"]]
    rows = frame.to_numpy(float, na_value=np.nan)
    X = frame if named else rows
    model = AutoencoderTransformer(2, **SMALL).fit(X)
    found = run(to_onnx(model, X, "reconstruction"), rows)
    assert_allclose(found, np.asarray(model.reconstruct(X), float), rtol=1e-3, atol=1e-4)
    if not named:
        scaled = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **SMALL)).fit(rows)
        found = run(to_onnx(scaled, rows, "score"), rows)
        assert_allclose(found, scaled.score_samples(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("where", ["after", "inside"])
def test_behind_other_steps_such_a_model_is_refused_by_name(where):
    frame = table()[["real", "whole", "word"]]
    autoencoder = AutoencoderTransformer(2, **SMALL)
    if where == "after":
        first = [("scaled", StandardScaler(), ["real", "whole"]), ("w", "passthrough", ["word"])]
        model = make_pipeline(ColumnTransformer(first), autoencoder).fit(frame)
    else:
        model = ColumnTransformer([("ae", autoencoder, ["real", "word"])]).fit(frame)
        model = make_pipeline(model, AutoencoderTransformer(1, **SMALL)).fit(frame)
    with pytest.raises(ValueError, match=r"AutoencoderTransformer was fitted on .* first step"):
        to_onnx(model, frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="word"), "word"),
        (lambda frame: frame.assign(new=1), "new"),
        (lambda frame: frame.assign(word=1), "'word' held text in fit and holds numbers now"),
        (lambda frame: frame.assign(whole=np.nan), "'whole' has no value in row 0.*of int64"),
        (lambda frame: "table.csv", "no file"),
    ],
)
def test_samples_that_are_none(change, message, model):
    with pytest.raises((ValueError, TypeError), match=message):
        to_onnx(model, change(table()))
