"""Files of several types and folders, read part by part."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from source_cases import SMALL, N, frame_of_numbers, joined, mixed_frame, numbers

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)


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
