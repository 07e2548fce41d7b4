"""Tables that are read part by part: the same fit as in memory, whatever they come from."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from source_cases import (
    SMALL,
    N,
    Slices,
    frame_of_numbers,
    joined,
    mixed_frame,
    numbers,
    sources_of_mixed_columns,
    sources_of_numbers,
)

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    VariationalAutoencoder,
)


@pytest.mark.parametrize(
    "kind",
    ["parquet", "dask array", "dask table", "slices", "slices of a table", "memory map"],
)
def test_numbers_are_fitted_as_in_memory(folder, fitted_in_memory, kind):
    ae = AutoencoderTransformer(2, **SMALL).fit(sources_of_numbers(folder)[kind])
    expected = fitted_in_memory["numbers"]
    assert ae.loss_curve_ == expected.loss_curve_
    rows = frame_of_numbers() if hasattr(ae, "feature_names_in_") else numbers()
    assert_array_equal(ae.transform(rows), expected.transform(numbers()))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "polars", "pandas"])
def test_tables_of_single_precision_stay_so(tmp_path, kind):
    frame = frame_of_numbers().astype(np.float32)
    frame.to_parquet(tmp_path / "single.parquet")
    tables = {
        "parquet": tmp_path / "single.parquet",
        "arrow": pa.Table.from_pandas(frame),
        "polars": pl.from_pandas(frame),
        "pandas": frame,
    }
    ae = AutoencoderTransformer(2, **SMALL).fit(tables[kind])
    expected = AutoencoderTransformer(2, **SMALL).fit(frame.to_numpy())
    assert ae.loss_curve_ == expected.loss_curve_
    codes = ae.transform(tables[kind])
    codes = joined(codes) if kind == "parquet" else codes
    assert codes.dtype == np.float32
    assert_array_equal(codes, expected.transform(frame.to_numpy()))


def test_few_row_groups_hold_the_answers_of_many_parts(folder, tmp_path):
    path, codes = folder / "numbers.parquet", tmp_path / "codes.parquet"
    AutoencoderTransformer(2, **SMALL).fit(path).transform(path, to=codes)
    groups = [pq.ParquetFile(one).num_row_groups for one in (path, codes)]
    assert groups == [4, 1]


@pytest.mark.parametrize("kind", ["path", "folder", "list", "dataset", "dask table"])
def test_columns_of_several_types_are_fitted_as_in_memory(folder, fitted_in_memory, kind):
    ae = AutoencoderTransformer(2, **SMALL).fit(sources_of_mixed_columns(folder)[kind])
    expected, frame = fitted_in_memory["mixed"], mixed_frame()
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)
    codes = ae.transform(frame)
    np.testing.assert_allclose(codes, expected.transform(frame), atol=1e-5)
    assert_array_equal(ae.feature_names_in_, frame.columns)
    # Whole numbers have a gap in one part, and days have a time in the last part only.
    for of_parts, of_all in zip(
        *(one._frame.schema.columns for one in (ae, expected)), strict=True
    ):
        found, known = vars(of_parts), vars(of_all)
        assert found.pop("gaps") == pytest.approx(known["gaps"])
        assert found == {name: known[name] for name in found}


def test_gaps_of_a_mapped_file(folder, fitted_in_memory, tmp_path):
    X = numbers()
    X[::5, 2] = np.nan
    np.save(tmp_path / "gaps.npy", X)
    mapped = np.load(tmp_path / "gaps.npy", mmap_mode="r")
    ae = AutoencoderTransformer(2, **SMALL).fit(mapped)
    expected = AutoencoderTransformer(2, **SMALL).fit(X)
    assert ae.loss_curve_ == expected.loss_curve_
    codes = ae.transform(mapped)
    assert isinstance(codes, np.ndarray)
    assert_array_equal(codes, expected.transform(X))


def test_images_of_an_object_with_slices():
    images = np.random.default_rng(0).random((60, 6, 6)).astype(np.float32)
    make = ConvolutionalAutoencoder(2, max_iter=1, random_state=0)
    expected = clone(make).fit(images)
    ae = clone(make).fit(Slices(images))
    assert_array_equal(ae.transform(images), expected.transform(images))
    assert joined(ae.reconstruct(Slices(images))).shape == images.shape


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_answers_about_parts(folder, fitted_in_memory, method):
    ae, frame = fitted_in_memory["mixed"], mixed_frame()
    expected = getattr(ae, method)(frame)
    answers = getattr(ae, method)(folder / "mixed.parquet")
    found = joined(answers)
    if method == "reconstruct":
        found, expected = found.astype(str), expected.astype(str)
        # Dates and numbers are written in another type, with other digits.
        assert_array_equal(found["word"], expected["word"])
        return
    assert_array_equal(found, expected)


def test_answers_as_a_file(folder, fitted_in_memory, tmp_path):
    ae, frame = fitted_in_memory["mixed"], mixed_frame()
    path = ae.transform(folder / "mixed.parquet", to=tmp_path / "codes.parquet")
    codes = pd.read_parquet(path)
    assert [*codes.columns] == [*ae.get_feature_names_out()]
    assert_array_equal(codes, ae.transform(frame))
    # Of a table in memory, too.
    ae.score_samples(frame, to=path)
    assert_array_equal(pd.read_parquet(path)["score"], ae.score_samples(frame))
    ae.reconstruct(folder / "mixed.parquet", to=path)
    assert_array_equal(pd.read_parquet(path)["word"], ae.reconstruct(frame)["word"])


def test_bars_say_what_is_done_with_how_many_rows(folder, terminal):
    ae = AutoencoderTransformer(2, verbose=1, **SMALL).fit(folder / "mixed.parquet")
    assert [*ae.score_samples(folder / "mixed.parquet")]
    shown = terminal.readouterr().err
    assert "find columns: 100%" in shown
    assert "read rows: 100%" in shown
    assert "score_samples: 100%" in shown
    assert f"{N}/{N}" in shown


def test_a_container_is_that_of_each_part(folder, fitted_in_memory):
    ae = clone(fitted_in_memory["numbers"]).fit(frame_of_numbers())
    ae.set_output(transform="pandas")
    codes = joined(ae.transform(folder / "numbers.parquet"))
    pd.testing.assert_frame_equal(codes, ae.transform(frame_of_numbers()))


def test_collections_are_answered_by_collections(folder, fitted_in_memory):
    ae, frame = fitted_in_memory["mixed"], mixed_frame()
    collection = sources_of_mixed_columns(folder)["dask table"]
    codes, rows = ae.transform(collection), ae.reconstruct(collection)
    assert isinstance(codes, da.Array)
    assert isinstance(rows, dd.DataFrame)
    assert_array_equal(codes.compute(), ae.transform(frame))
    # Dask has its own type of text.
    pd.testing.assert_frame_equal(rows.compute(), ae.reconstruct(frame), check_dtype=False)
    assert_array_equal(ae.score_samples(collection).compute(), ae.score_samples(frame))
    of_numbers, array = fitted_in_memory["numbers"], da.from_array(numbers(), chunks=(200, 3))
    for method in ("transform", "reconstruct", "score_samples"):
        answers = getattr(of_numbers, method)(array)
        assert isinstance(answers, da.Array)
        expected = getattr(of_numbers, method)(numbers())
        assert answers.shape == expected.shape
        assert_array_equal(answers.compute(), expected)


def test_partitions_without_rows(folder, fitted_in_memory):
    ae, frame = fitted_in_memory["mixed"], mixed_frame()
    parts = dd.from_pandas(frame, npartitions=3)
    few = parts[parts["day"] >= frame["day"][N // 2]]
    assert few.map_partitions(len).compute().tolist()[0] == 0
    assert_array_equal(ae.transform(few).compute(), ae.transform(frame[N // 2 :]))


def test_weights_and_groups_of_a_source(folder):
    weight = np.random.default_rng(0).integers(0, 3, N)
    groups = np.repeat(np.arange(N // 10), 10)
    path, frame = folder / "mixed.parquet", mixed_frame()
    make = AutoencoderTransformer(2, **SMALL)
    ae = clone(make).fit(path, sample_weight=weight, groups=groups)
    expected = clone(make).fit(frame, sample_weight=weight, groups=groups)
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)
    assert ae.score(path, sample_weight=weight) == pytest.approx(
        ae.score(frame, sample_weight=weight)
    )


def test_the_detector_learns_from_a_source(folder):
    member = AutoencoderTransformer(2, **SMALL)
    make = AutoencoderOutlierDetector(member, n_estimators=2, random_state=0)
    detector, frame = clone(make).fit(folder / "mixed.parquet"), mixed_frame()
    scores = joined(detector.score_samples(folder / "mixed.parquet"))
    assert_array_equal(scores, detector.score_samples(frame))
    # The seeds are others, and the rows are the same.
    expected = clone(make).fit(frame).score_samples(frame)
    assert np.corrcoef(scores, expected)[0, 1] > 0.95
    labels = joined(detector.predict(folder / "mixed.parquet"))
    assert_array_equal(labels, detector.predict(frame))


def test_the_detector_draws_rows_by_their_numbers(folder, monkeypatch):
    monkeypatch.setattr("skae.detection._validation._SAMPLED_ROWS", 300)
    member = AutoencoderTransformer(2, **SMALL)
    make = AutoencoderOutlierDetector(member, n_estimators=2, random_state=0)
    sources = sources_of_numbers(folder)
    weight = np.ones(N)
    one = clone(make).fit(sources["parquet"], sample_weight=weight)
    # Other parts, the same rows.
    other = clone(make).fit(sources["slices of a table"], sample_weight=weight)
    assert one.n_samples_seen_ == 300
    assert_array_equal(
        one.score_samples(frame_of_numbers()), other.score_samples(frame_of_numbers())
    )


def test_continued_training_on_a_source(folder):
    make = AutoencoderTransformer(2, warm_start=True, **SMALL)
    path, frame = folder / "mixed.parquet", mixed_frame()
    ae, expected = clone(make).fit(path).fit(path), clone(make).fit(frame).fit(frame)
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)


@pytest.mark.parametrize("kind", ["parquet", "slices", "memory map"])
def test_classes_of_rows_go_with_their_parts(folder, monkeypatch, kind):
    monkeypatch.setattr("skae.tables.sources._sliced._MOST_ROWS", 250)
    labels = np.random.default_rng(0).integers(0, 2, N)
    source = sources_of_numbers(folder)[kind]
    rows = frame_of_numbers() if kind == "parquet" else numbers()
    ae = VariationalAutoencoder(2, conditional=True, **SMALL).fit(rows, labels)
    for classes in (labels, 1):
        answers = ae.reconstruct(source, classes)
        found = answers if isinstance(answers, np.ndarray) else joined(answers)
        assert_array_equal(found, ae.reconstruct(rows, classes))
        assert ae.score(source, classes) == pytest.approx(ae.score(rows, classes))
    for wrong in (labels[:-1], np.append(labels, 1)):
        with pytest.raises(ValueError, match=r"classes for .* rows|values, but .* has 900 rows"):
            joined(ae.score_samples(Slices(numbers()), wrong)) if kind == "slices" else ae.score(
                source, wrong
            )


def test_classes_steer_a_fit_on_a_source(folder):
    labels = np.repeat([0, 1], N // 2)
    make = VariationalAutoencoder(2, conditional=True, **SMALL)
    ae, expected = (clone(make).fit(X, labels) for X in (folder / "numbers.parquet", numbers()))
    assert ae.loss_curve_ == expected.loss_curve_
    assert len(joined(ae.transform(folder / "numbers.parquet"))) == N


def test_where_answers_go_is_no_metadata():
    for estimator in (AutoencoderTransformer(), AutoencoderOutlierDetector()):
        requests = estimator.get_metadata_routing()
        for method in ("transform", "predict", "decision_function"):
            assert "to" not in getattr(requests, method).requests
