"""Files that are no tables, change half way, or are replaced while they are read."""

import os

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.exceptions import NotFittedError

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    DriftDetector,
    compare,
    report,
)
from skae.displays import LatentSpaceDisplay, ReconstructionDisplay
from skae.tables.sources import _parquet

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}


def make_ae():
    return AutoencoderTransformer(1, **SMALL)


def frame(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"a": rng.normal(size=n), "b": rng.normal(size=n), "c": ["u", "v"] * (n // 2)}
    )


@pytest.fixture
def folder(tmp_path):
    frame().to_parquet(tmp_path / "1.parquet")
    return tmp_path


class Parts:
    """A source of given parts."""

    name = "the test's table"

    def __init__(self, *parts):
        self._parts = parts

    def parts(self):
        yield from self._parts


def write(folder, table):
    table.to_parquet(folder / "2.parquet")
    return folder


@pytest.mark.parametrize(
    ("second", "match"),
    [
        (frame().drop(columns="b"), r"2.parquet has no column 'b', and .*1.parquet has"),
        (frame().assign(d=1.0), r"1.parquet has no column 'd', and .*2.parquet has"),
        (frame().assign(b="word"), r"Column 'b' is of string in .*2.parquet, and of double in"),
        (frame().assign(a=True), r"Column 'a' is of bool in .*2.parquet, and of double in"),
    ],
    ids=["fewer columns", "more columns", "text for numbers", "truth values for numbers"],
)
def test_files_of_other_columns(folder, second, match):
    ae = make_ae().fit(frame())
    before = ae.transform(frame())
    with pytest.raises(ValueError, match=match):
        ae.fit(write(folder, second))
    np.testing.assert_array_equal(ae.transform(frame()), before)


IN = "In the test's table: "


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ((frame(), frame().rename(columns={"b": "x"})), r"before 60 have \['a', 'b', "),
        ((np.ones((5, 3)), np.ones((5, 2))), r"before 5 have \[3\], and from there"),
        ((frame(), frame().assign(b="w")), f"{IN}Column 'b' holds numbers in some rows"),
        ((frame().assign(c=1.0), frame().assign(c="w")), f"{IN}Column 'c'"),
        ((frame(), frame().assign(c=1)), f"{IN}Column 'c' holds numbers in some rows"),
        ((frame(), frame().assign(b=np.inf)), f"{IN}Column 'b' holds infinity in row 60,"),
        ((np.ones((5, 3)), np.full((5, 3), np.inf)), rf"{IN}.*infinity.*X\[5, 0\]"),
        ((np.eye(3, dtype="f4"), np.eye(3)), "float32 first and of float64 here"),
        ((np.eye(3), np.array([["a"] * 3])), "holds numbers in some rows"),
        ((), "Found array with 0 sample"),
        ((np.eye(3)[:1],), "minimum of 2 is required"),
    ],
)
def test_parts_that_do_not_go_together(parts, match):
    with pytest.raises(ValueError, match=match):
        make_ae().fit(Parts(*parts))


def test_paths_that_hold_no_table(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path} holds no file whose name ends in .parquet"):
        make_ae().fit(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*absent.parquet"):
        make_ae().fit(tmp_path / "absent.parquet")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TypeError, match=r"name of a file, .*rows.csv.*pandas.read_csv"):
        make_ae().fit(tmp_path / "rows.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match=r"broken.parquet cannot be read: .*Parquet"):
        make_ae().fit(tmp_path / "broken.parquet")
    pq.write_table(pa.table({"a": pa.array([], pa.float64())}), tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match=r"0 sample.*empty.parquet has no rows"):
        make_ae().fit(tmp_path / "empty.parquet")


@pytest.mark.parametrize("X", ["", [""], ["1.parquet", ""]], ids=repr)
def test_an_empty_path_is_not_the_current_folder(folder, monkeypatch, X):
    monkeypatch.chdir(folder)
    assert make_ae().fit(".").n_features_in_ == 3
    with pytest.raises(ValueError, match="X is an empty path, expected that of a Parquet file"):
        make_ae().fit(X)


@pytest.mark.parametrize("how", ["replaced", "longer"])
def test_a_file_that_is_replaced_while_it_is_read(folder, monkeypatch, how):
    monkeypatch.setattr(_parquet, "_MOST_ROWS", 10)
    path = folder / "1.parquet"
    ae = make_ae().fit(path)
    answers = ae.transform(path)
    next(answers)
    if how == "replaced":
        frame().assign(a=0.0).to_parquet(folder / "new.parquet")
        os.replace(folder / "new.parquet", path)
    else:
        frame(90).to_parquet(path)
    with pytest.raises((ValueError, OSError), match=r"1.parquet was changed or replaced|parquet"):
        list(answers)


def test_answers_that_cannot_be_written(folder, tmp_path):
    ae = make_ae().fit(folder / "1.parquet")
    path = folder / "1.parquet"
    for to, match in [
        ("codes.csv", r"to is 'codes.csv', expected .*\.parquet"),
        (tmp_path / "absent" / "codes.parquet", "there is no folder .*absent. Make it"),
    ]:
        with pytest.raises(ValueError, match=match):
            ae.transform(path, to=to)
    # An answer that fails leaves an older file as it was.
    old = ae.transform(path, to=tmp_path / "codes.parquet")
    before = old.read_bytes()
    with pytest.raises(ValueError, match="infinity"):
        ae.transform(Parts(frame(), frame().assign(b=np.inf)), to=old)
    assert old.read_bytes() == before
    assert [*tmp_path.glob(".*")] == []


def test_what_is_read_in_memory_only(folder):
    path = folder / "1.parquet"
    with pytest.raises(TypeError, match="name of a file"):
        AutoencoderImputer().fit(str(path))
    with pytest.raises(TypeError, match="name of a file"):
        AutoencoderClassifier().fit(str(path), np.zeros(60))
    with pytest.raises(TypeError, match="name of a file"):
        AutoencoderOutlierDetector().fit(frame()).partial_fit(str(path))
    table = dd.from_pandas(frame(), npartitions=2)
    detector = AutoencoderOutlierDetector(make_ae(), n_estimators=2, random_state=0).fit(frame())
    for call in (
        AutoencoderImputer().fit,
        lambda X: AutoencoderClassifier().fit(X, np.arange(60) % 2),
        detector.recalibrate,
        detector.partial_fit,
    ):
        with pytest.raises(TypeError, match=r"a DataFrame of Dask, expected .*Give X.compute\(\)"):
            call(table)
    with pytest.raises(TypeError, match="one dimension"):
        make_ae().fit(da.ones(5))
    with pytest.raises(TypeError, match="one dimension"):
        make_ae().fit(dd.from_pandas(frame()["a"], npartitions=2))


def test_weights_of_another_length(folder):
    with pytest.raises(ValueError, match="sample_weight"):
        make_ae().fit(folder / "1.parquet", sample_weight=np.ones(3))


@pytest.mark.parametrize("place", [3, 47])
def test_errors_number_rows_as_in_the_whole_table(tmp_path, monkeypatch, place):
    monkeypatch.setattr(_parquet, "_MOST_ROWS", 10)
    monkeypatch.setattr(_parquet, "_FEWEST_ROWS", 1)
    ae, bad = make_ae().fit(frame()), frame()
    bad.loc[place, "b"] = np.inf
    bad.to_parquet(tmp_path / "bad.parquet")
    for call in (make_ae().fit, lambda path: list(ae.transform(path)), ae.score):
        with pytest.raises(ValueError, match=rf"Column 'b' holds infinity in row {place}, counted"):
            call(tmp_path / "bad.parquet")


def test_the_cell_of_a_mapped_file(tmp_path):
    X = np.ones((40_000, 4))
    X[33_333, 2] = np.inf
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    with pytest.raises(ValueError, match=r"infinity.*The first is X\[33333, 2\], counted from 0"):
        make_ae().fit(mapped)


def test_slices_shorter_than_their_length_says():
    class Short:
        def __len__(self):
            return 100

        def __getitem__(self, selection):
            return np.random.default_rng(0).normal(size=(99, 3))[selection]

    with pytest.raises(ValueError, match="has 100 rows by its length, but its slice"):
        make_ae().fit(Short())


def test_what_is_not_fitted_answers_nothing(folder):
    with pytest.raises(NotFittedError):
        make_ae().transform(folder / "1.parquet")


def test_pairs_are_not_ignored(folder):
    path = folder / "1.parquet"
    numbers = frame()[["a", "b"]]
    for X, y in [(path, path), (path, numbers), (numbers, path), (numbers, str(path))]:
        with pytest.raises(ValueError, match=r"Pairs of rows, fit.* in memory"):
            DenoisingAutoencoder(1, **SMALL).fit(X, y)
    # Labels for a later step are no pairs.
    DenoisingAutoencoder(1, **SMALL).fit(path, np.zeros(60))


def test_what_a_detector_does_with_rows_in_memory_only(folder):
    detector = AutoencoderOutlierDetector(make_ae(), n_estimators=2, random_state=0).fit(frame())
    path = folder / "1.parquet"
    assert np.array_equal(detector.select(path), detector.select(frame()))
    with pytest.raises(TypeError, match="explain takes rows in memory"):
        detector.explain(path)
    for some in (detector, AutoencoderOutlierDetector()):
        with pytest.raises(TypeError, match=r"name of a file.*pandas.read_parquet"):
            some.partial_fit(path)


# What looks at all rows at once, of an autoencoder and a table that is read part by part.
IN_MEMORY = {
    "drift": lambda ae, path: DriftDetector(ae).fit(path),
    "batch": lambda ae, path: DriftDetector(ae).fit(frame(20)).test(path),
    "compare": lambda ae, path: compare([ae], path),
    "report": lambda ae, path: report(ae, path),
    "reference": lambda ae, path: report(ae, frame(20), reference=path),
    "picture": lambda ae, path: LatentSpaceDisplay.from_estimator(ae, path),
    "rows": lambda ae, path: ReconstructionDisplay.from_estimator(ae, path),
}


@pytest.mark.parametrize("kind", ["path", "dask"])
@pytest.mark.parametrize("name", IN_MEMORY)
@pytest.mark.filterwarnings("ignore:The reference holds rows")
def test_tools_that_take_rows_in_memory_say_so(folder, name, kind):
    X = folder if kind == "path" else dd.from_pandas(frame(), npartitions=2)
    ae = make_ae().fit(frame())
    with pytest.raises(TypeError, match=r"in memory, .* are read part by part.*read_parquet"):
        IN_MEMORY[name](ae, X)


def test_columns_of_the_same_name(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0, 2.0])] * 2, names=["a", "a"])
    pq.write_table(table, tmp_path / "rows.parquet")
    for source in (tmp_path / "rows.parquet", ds.dataset(table)):
        with pytest.raises(ValueError, match="several columns of the same name: 'a'"):
            make_ae().fit(source)


def test_tables_that_dask_has_none_of():
    numbers = frame()[["a", "b"]]
    ae = make_ae().fit(numbers)
    array, table = da.from_array(numbers.to_numpy()), dd.from_pandas(numbers, npartitions=2)
    with pytest.raises(TypeError, match=r"a DataFrame of pandas\. Give a table, X.to_dask_"):
        make_ae().fit(array).set_output(transform="pandas").transform(array)
    with pytest.raises(TypeError, match=r"tables of polars\. Call set_output\(transform='pandas'"):
        ae.set_output(transform="polars").transform(table)
    assert isinstance(ae.set_output(transform="pandas").transform(table), dd.DataFrame)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((60,), "Expected 2D array"), ((0, 3), "0 sample"), ((60, 0), "0 feature")],
)
def test_mapped_arrays_that_are_no_table(tmp_path, shape, expected):
    rows = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", float, (60, 3))
    rows[:] = 1.0
    mapped = rows[:, 0] if len(shape) == 1 else rows[: shape[0], : shape[1]]
    assert mapped.shape == shape
    with pytest.raises(ValueError, match=expected) as of_mapped:
        make_ae().fit(mapped)
    with pytest.raises(ValueError, match=expected) as in_memory:
        make_ae().fit(np.array(mapped))
    assert str(of_mapped.value) == str(in_memory.value)
