"""Tables that are read part by part: the same fit as in memory, whatever they come from."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    VariationalAutoencoder,
)

N = 900
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
ROWS_IN_GROUP = 250


def numbers():
    """Numbers of two factors."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(N, 5))


def frame_of_numbers():
    return pd.DataFrame(numbers(), columns=list("abcde"))


def mixed_frame():
    """A table whose columns have gaps, words, dates, and values that come late or are rare."""
    frame, rng = frame_of_numbers(), np.random.default_rng(1)
    frame.loc[::7, "b"] = np.nan
    frame["word"] = np.where(frame["a"] > 0, "yes", "no")
    frame.loc[5:9, "word"] = None
    frame.loc[N - 1, "word"] = "rare"
    frame["late"] = np.where(np.arange(N) < N // 2, None, rng.choice(["u", "v"], N))
    frame["day"] = pd.date_range("2024-01-01", periods=N)
    frame.loc[N - 3 :, "day"] += pd.Timedelta(hours=5)
    frame["whole"] = pd.array(rng.integers(0, 9, N), dtype="Int64")
    frame.loc[N - 5, "whole"] = pd.NA
    return frame


class Slices:
    """An object with a length and slices, as HDF5 and Zarr have them."""

    def __init__(self, rows):
        self._rows = rows

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, selection):
        return self._rows[selection]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables as files: one of numbers, one of several types, and that in two files."""
    folder = tmp_path_factory.mktemp("files")
    frame_of_numbers().to_parquet(folder / "numbers.parquet", row_group_size=ROWS_IN_GROUP)
    frame = mixed_frame()
    frame.to_parquet(folder / "mixed.parquet", row_group_size=ROWS_IN_GROUP)
    (folder / "parts").mkdir()
    # A table that was cut out of another has an index, which is no column.
    frame[: N // 2].to_parquet(folder / "parts" / "1.parquet")
    frame[N // 2 :].to_parquet(folder / "parts" / "2.parquet")
    np.save(folder / "numbers.npy", numbers())
    return folder


def sources_of_numbers(folder):
    return {
        "parquet": str(folder / "numbers.parquet"),
        "dask array": da.from_array(numbers(), chunks=(200, 3)),
        "dask table": dd.from_pandas(frame_of_numbers(), npartitions=3),
        "slices": Slices(numbers()),
        "slices of a table": Slices(frame_of_numbers()),
        "memory map": np.load(folder / "numbers.npy", mmap_mode="r"),
    }


def sources_of_mixed_columns(folder):
    with_an_empty_partition = dd.from_pandas(mixed_frame(), npartitions=3)
    kept = with_an_empty_partition["a"].map_partitions(lambda a: pd.Series(True, a.index))
    return {
        "path": folder / "mixed.parquet",
        "folder": folder / "parts",
        "list": [folder / "parts" / "1.parquet", folder / "parts" / "2.parquet"],
        "dataset": ds.dataset(folder / "mixed.parquet"),
        "dask table": with_an_empty_partition[kept],
    }


def joined(parts):
    """The answers of all parts, as those about a table in memory are."""
    parts = [*parts]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    tables = [part.to_pandas() if isinstance(part, pa.Table) else part for part in parts]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def fitted_in_memory():
    make = AutoencoderTransformer(2, **SMALL)
    return {"numbers": clone(make).fit(numbers()), "mixed": clone(make).fit(mixed_frame())}


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


def test_parts_of_a_path_are_categories_below_a_folder_only(tmp_path):
    frame = frame_of_numbers()
    for year, rows in ((2024, frame[:400]), (2025, frame[400:])):
        (tmp_path / f"year={year}").mkdir()
        rows.to_parquet(tmp_path / f"year={year}" / "rows.parquet")
    # What others leave beside the files of a table.
    (tmp_path / "_log").mkdir()
    frame[["a"]].to_parquet(tmp_path / "_log" / "1.parquet")
    (tmp_path / ".part.parquet").write_bytes(b"half of a file")
    ae = AutoencoderTransformer(2, **SMALL).fit(tmp_path)
    expected = AutoencoderTransformer(2, **SMALL).fit(pd.read_parquet(tmp_path))
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)
    assert [*ae.feature_names_in_] == [*frame.columns, "year"]
    alone = AutoencoderTransformer(2, **SMALL).fit(tmp_path / "year=2024" / "rows.parquet")
    assert [*alone.feature_names_in_] == [*frame.columns]


def test_columns_are_in_the_order_of_the_first_file(tmp_path, fitted_in_memory):
    frame = frame_of_numbers()
    frame[: N // 2].to_parquet(tmp_path / "1.parquet")
    frame[N // 2 :][[*"edcba"]].to_parquet(tmp_path / "2.parquet")
    ae = AutoencoderTransformer(2, **SMALL).fit(tmp_path)
    assert [*ae.feature_names_in_] == [*"abcde"]
    assert ae.loss_curve_ == fitted_in_memory["numbers"].loss_curve_


def test_files_whose_categories_differ_in_number(tmp_path):
    few, many = mixed_frame()[:300], mixed_frame()[300:]
    many = many.assign(word=[f"w{i % 150}" for i in range(600)])
    for i, rows in enumerate((few, many)):
        rows.astype({"word": "category"}).to_parquet(tmp_path / f"{i}.parquet")
    ae = AutoencoderTransformer(2, **SMALL).fit(tmp_path)
    expected = AutoencoderTransformer(2, **SMALL).fit(pd.concat([few, many]))
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)


def test_files_in_which_pandas_found_other_types(tmp_path):
    # Whole numbers, of which one is missing later, and columns that are empty in one file.
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {"n": rng.integers(0, 9, 60), "x": rng.normal(size=60), "first": None, "word": "u"}
        )
        for _ in range(2)
    ]
    parts[0]["word"] = None
    parts[1]["first"] = rng.normal(size=60)
    parts[1].loc[7, "n"] = np.nan
    parts[1]["x"] = parts[1]["x"].astype(np.float32)
    for i, part in enumerate(parts):
        part.to_parquet(tmp_path / f"{i}.parquet")
    together = pd.concat(parts, ignore_index=True).astype({"first": float})
    ae = AutoencoderTransformer(2, **SMALL).fit(together)
    from_files = AutoencoderTransformer(2, **SMALL).fit(tmp_path)
    assert_array_equal(np.concatenate([*from_files.transform(tmp_path)]), ae.transform(together))
    files = [tmp_path / "1.parquet", tmp_path / "0.parquet"]
    assert_array_equal(np.concatenate([*ae.transform(files)]), ae.transform(pd.concat(parts[::-1])))


@pytest.mark.filterwarnings("ignore:Columns differ more than a thousandfold")
def test_whole_numbers_that_one_type_does_not_hold(tmp_path):
    # Numbers above those of int64 beside negative ones, and more digits than floats have.
    large = np.arange(60, dtype=np.uint64) + np.uint64(2**63)
    parts = [{"n": large}, {"n": np.arange(-60, 0)}, {"n": np.linspace(0, 1, 60)}]
    tables = [pd.DataFrame({**part, "x": numbers()[:60, 0]}) for part in parts]
    for i, table in enumerate(tables):
        table.to_parquet(tmp_path / f"{i}.parquet")
    together = pd.concat(tables, ignore_index=True)
    for files in ([0, 1], [1, 0], [0, 2]):
        paths = [tmp_path / f"{i}.parquet" for i in files]
        ae = AutoencoderTransformer(1, **SMALL).fit(paths)
        expected = AutoencoderTransformer(1, **SMALL).fit(pd.concat([tables[i] for i in files]))
        assert ae.loss_curve_ == expected.loss_curve_
    assert len(joined(ae.transform([*tmp_path.glob("*.parquet")]))) == len(together)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_categories_of_a_mapped_file(tmp_path, method):
    X = numbers()
    X[:, 0] = np.random.default_rng(0).integers(0, 4, N)
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    make = AutoencoderTransformer(2, categorical_features=[0], **SMALL)
    ae, expected = (getattr(clone(make), method)(rows) for rows in (mapped, X))
    assert ae.loss_curve_ == expected.loss_curve_
    assert (
        ae.loss_curve_
        != getattr(clone(make).set_params(categorical_features=None), method)(mapped).loss_curve_
    )
    assert_array_equal(ae.transform(mapped), expected.transform(X))
    assert ae.score(mapped) == expected.score(X)
    # Of what takes tables in memory, too.
    labels = (X[:, 1] > 0).astype(int)
    fits = [AutoencoderClassifier(make, random_state=0).fit(rows, labels) for rows in (mapped, X)]
    assert_array_equal(fits[0].predict_proba(mapped), fits[1].predict_proba(X))


def test_mapped_numbers_of_many_digits(tmp_path):
    X = numbers().astype(np.longdouble)
    mapped = np.memmap(tmp_path / "rows", X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    ae, expected = (AutoencoderTransformer(2, **SMALL).fit(rows) for rows in (mapped, X))
    assert ae.loss_curve_ == expected.loss_curve_


def test_a_part_in_which_all_whole_numbers_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("skae.tables.sources._parquet._MOST_ROWS", 100)
    monkeypatch.setattr("skae.tables.sources._parquet._FEWEST_ROWS", 10)
    frame = pd.DataFrame({"n": np.arange(300.0), "x": numbers()[:300, 0]})
    frame.loc[190:, "n"] = np.nan
    table = pa.Table.from_pandas(frame.astype({"n": "Int64"}))
    pq.write_table(table, tmp_path / "rows.parquet")
    # pandas has floats where whole numbers are missing.
    ae = AutoencoderTransformer(1, **SMALL).fit(frame)
    path = ae.reconstruct(tmp_path / "rows.parquet", to=tmp_path / "answers.parquet")
    found, expected = pq.read_table(path), ae.reconstruct(table)
    assert found.schema.types == expected.schema.types == [pa.int64(), pa.float64()]
    assert found.to_pydict() == expected.to_pydict()


def test_rows_of_weight_zero_teach_no_category(folder):
    weight = np.r_[np.zeros(N // 2), np.ones(N // 2)]
    ae = AutoencoderTransformer(2, **SMALL)
    ae.fit(folder / "parts", sample_weight=weight)
    expected = clone(ae).fit(mixed_frame(), sample_weight=weight)
    levels = [one._frame.schema.columns[5].levels for one in (ae, expected)]
    assert levels[0] == levels[1]
    assert ae.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-6)
    # One weight for all rows.
    same = clone(ae).fit(folder / "parts", sample_weight=3.0)
    assert same.loss_curve_ == clone(ae).fit(folder / "parts").loss_curve_


def test_the_detector_draws_among_rows_that_count(folder, monkeypatch):
    monkeypatch.setattr("skae.detection._validation._SAMPLED_ROWS", 300)
    weight = (np.arange(N) % 4 == 0).astype(float)
    member = AutoencoderTransformer(2, **SMALL)
    detector = AutoencoderOutlierDetector(member, n_estimators=2, random_state=0)
    detector.fit(folder / "numbers.parquet", sample_weight=weight)
    assert detector.n_samples_seen_ == weight.sum()


def test_a_dataset_with_a_filter(folder):
    few = ds.dataset(folder / "numbers.parquet").filter(ds.field("a") > 0)
    frame = frame_of_numbers()
    ae = AutoencoderTransformer(2, **SMALL).fit(few)
    expected = AutoencoderTransformer(2, **SMALL).fit(frame[frame["a"] > 0])
    assert ae.loss_curve_ == expected.loss_curve_
    assert len(joined(ae.transform(few))) == (frame["a"] > 0).sum()
