"""The tables that the command line reads and writes."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_cases import NUMBERS_ONLY, failure
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

import skae
from skae.cli import _reading, main

NAMES = ["a", "b"]


@pytest.fixture(scope="module")
def model():
    X = np.random.RandomState(0).randn(40, 2)
    return skae.AutoencoderTransformer(1, max_iter=2, random_state=0).fit(
        pd.DataFrame(X, columns=NAMES)
    )


@pytest.fixture
def folder(folder, model):
    """A folder with a model."""
    skae.save(model, "m.skae")
    return folder


def table_of(**columns):
    """A table of four rows."""
    return pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.5, 0.0, -0.5, 1.0], **columns})


# -- folders --------------------------------------------------------------------------------


def test_a_folder_is_the_table_of_its_files(folder):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=NAMES)
    table["word"], table["n"] = ["u", "v", "w"] * 20, range(60)
    Path("parts").mkdir()
    table[:20].to_parquet("parts/1.parquet")
    # pandas writes whole numbers with a gap as floats.
    table["n"] = table["n"].where(table["n"] != 30)
    table[20:].to_parquet("parts/2.parquet")
    table.to_parquet("whole.parquet")
    for name in ("parts", "whole.parquet"):
        options = ["--set", "max_iter=2", "--random-state", "0"]
        main(["fit", name, *options, "--out", "m.skae"])
        main(["score", "m.skae", name, "--keep", "n", "--out", f"{name}.csv"])
        main(["fit", name, *options, "--passes", "1", "--out", "m.skae"])
    of_parts, of_whole = (pd.read_csv(f"{name}.csv") for name in ("parts", "whole.parquet"))
    assert len(of_parts) == 60
    assert_frame_equal(of_parts, of_whole)


def test_parquet_is_fitted_part_by_part_as_in_python(folder, monkeypatch):
    """The result is that of the rows in memory, although the command never joins its parts."""
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    table = pd.DataFrame(rows, columns=["a", "b", "c"])
    table.to_parquet("t.parquet", row_group_size=20)
    monkeypatch.setattr(pd, "concat", None)
    options = ["--drop", "c", "--set", "max_iter=2", "--random-state", "0"]
    main(["fit", "t.parquet", *options, "--out", "m.skae"])
    of_command = skae.load("m.skae")
    in_python = skae.AutoencoderTransformer(max_iter=2, random_state=0).fit(rows[:, :2])
    assert [*of_command.feature_names_in_] == ["a", "b"]
    assert of_command.loss_curve_ == in_python.loss_curve_


def test_a_file_that_is_replaced_while_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 2)
    table_of().to_parquet("t.parquet")
    chunks = _reading.chunks_of(Path("t.parquet"))
    assert len(next(chunks)) == 2
    table_of(c=[1, 2, 3, 4]).to_parquet("new.parquet")
    Path("new.parquet").replace("t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet was changed or replaced while it was read"):
        list(chunks)


def test_a_folder_without_parquet(folder):
    Path("nothing").mkdir()
    message = failure("score", "m.skae", "nothing")
    assert "nothing holds no file whose name ends in .parquet." in message
    assert ".." not in message
    assert "nothing, but that is a folder" in failure(
        "score", "m.skae", "x.csv", "--out", "nothing"
    )


# -- rows and fields ----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["score", "fit"])
def test_rows_longer_than_the_header(command, folder):
    """Their first field is no index, and columns do not shift."""
    (folder / "x.csv").write_text("a,b\n1,2,3\n4,5,6\n")
    arguments = ("score", "m.skae", "x.csv") if command == "score" else ("fit", "x.csv")
    message = failure(*arguments, "--out", "y.csv" if command == "score" else "y.skae")
    assert "x.csv cannot be read: its rows have more fields than its header" in message
    assert sorted(path.name for path in folder.iterdir()) == ["m.skae", "x.csv"]


@pytest.mark.parametrize("chunk", [2, 100])
def test_one_row_that_is_longer(chunk, folder, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", chunk)
    (folder / "x.csv").write_text("a,b\n1,2\n3,4\n5,6,7\n8,9\n")
    message = failure("score", "m.skae", "x.csv", "--out", "y.csv")
    assert message.startswith("skae: x.csv cannot be read: ")
    assert "Expected 2 fields in line 4, saw 3" in message


def test_a_separator_after_the_last_field_is_no_column(folder, model, capsys):
    (folder / "x.csv").write_text("a,b\n1,2,\n4,5,\n")
    main(["score", "m.skae", "x.csv", "--out", "y.csv"])
    X = pd.DataFrame([[1.0, 2.0], [4.0, 5.0]], columns=NAMES)
    assert_allclose(pd.read_csv("y.csv")["score"], model.score_samples(X), rtol=1e-6)


@pytest.mark.parametrize(("sep", "word"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_other_separators(sep, word, folder, model, capsys):
    table = table_of()
    table.to_csv("x.csv", index=False, sep=sep)
    for command in (["fit", "x.csv", "--out", "n.skae"], ["score", "m.skae", "x.csv"]):
        message = failure(*command)
        assert "x.csv cannot be read" in message
        assert f"add --sep {sep!r}" in message
        assert "--drop" not in message
    main(["score", "m.skae", "x.csv", "--out", "y.csv", "--sep", word])
    assert_allclose(pd.read_csv("y.csv")["score"], model.score_samples(table), rtol=1e-6)
    main(["fit", "x.csv", "--out", "n.skae", "--set", "max_iter=1", "--sep", word])
    assert_array_equal(skae.load("n.skae").feature_names_in_, NAMES)


def test_a_separator_is_one_character(folder):
    table_of().to_csv("x.csv", index=False)
    assert "--sep is '::', expected a single character" in failure(
        "score", "m.skae", "x.csv", "--sep", "::"
    )


@pytest.mark.parametrize("content", [b"", b"a,b\n1,\xe9\n"])
def test_what_is_no_table_is_named(content, folder):
    (folder / "x.csv").write_bytes(content)
    assert failure("score", "m.skae", "x.csv").startswith("skae: x.csv cannot be read: ")


def test_the_standard_input(folder, model, capsys, monkeypatch):
    table = table_of()
    content = table.to_csv(index=False).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    main(["score", "m.skae", "-"])
    scores = pd.read_csv(io.StringIO(capsys.readouterr().out))["score"]
    assert_allclose(scores, model.score_samples(table), rtol=1e-6)
    message = failure("fit", "-", "--out", "n.skae", "--passes", "2")
    assert "the standard input can be read only once" in message


# -- cells --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["3.5", "1", "?", "x"], "'b' is not numeric: row 2, counted from 0, holds '?'"),
        ([True, False, None, True], "'b' has no value in row 2"),
        ([1.0, None, 2.0, 3.0], "'b' has no value in row 1"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_first_bad_cell_is_named(cells, message, ending, folder):
    table = table_of(b=cells)
    table.to_csv("x.csv", index=False) if ending == "csv" else table.to_parquet("x.parquet")
    of_counts = skae.AutoencoderTransformer(1, loss="multinomial", max_iter=1, random_state=0)
    skae.save(of_counts.fit(table_of().abs()), "v.skae")
    said = failure("fit", f"x.{ending}", "--out", "n.skae", *NUMBERS_ONLY)
    assert message in said
    assert said.endswith("before, or leave the column out with --drop b.")
    said = failure("score", "v.skae", f"x.{ending}")
    assert message in said
    assert "--drop" not in said


def test_text_and_dates_of_parquet_are_no_numbers(folder):
    for cells in (["1", "2", "3", "4"], pd.date_range("2020", periods=4)):
        table_of(b=cells).to_parquet("x.parquet")
        assert "'b' is not numeric: row 0" in failure("score", "m.skae", "x.parquet")


def test_a_value_of_parquet_that_is_nan_is_a_gap(folder, model, capsys):
    """Some libraries write such values rather than gaps."""
    cells = pa.array([1.0, 2.0, np.nan, 3.0])
    pq.write_table(pa.table({"a": cells, "b": [1.0, 2.0, 3.0, 4.0]}), "x.parquet")
    main(["score", "m.skae", "x.parquet", "--out", "y.csv"])
    table = pd.DataFrame({"a": [1.0, 2.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0, 4.0]})
    assert_allclose(pd.read_csv("y.csv")["score"], model.score_samples(table), rtol=1e-6)


def test_a_table_of_which_all_is_dropped(folder):
    pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}).to_csv("x.csv", index=False)
    said = failure("fit", "x.csv", "--out", "n.skae", "--drop", "a", "--drop", "b")
    assert said == "skae: No column of x.csv is left: --drop names all of them."


def test_an_advice_to_drop_can_be_pasted(folder):
    table_of(**{"two words": ["x"] * 4}).to_csv("x.csv", index=False)
    fit = ["fit", "x.csv", "--out", "n.skae", *NUMBERS_ONLY]
    assert failure(*fit).endswith("--drop 'two words'.")


# -- columns that are kept ----------------------------------------------------------------

KEYS = ["0000", "NA", "1e5", ""]


@pytest.mark.parametrize("out", ["y.csv", "y.parquet"])
def test_keys_stay_as_they_are_written(out, folder, model, capsys, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 2)
    # Nothing in the first chunk tells that it is text.
    late = ["", "", "late", ""]
    table_of(key=KEYS, late=late).to_csv("x.csv", index=False)
    keep = ["--keep", "key", "--keep", "late", "--keep", "key"]
    main(["transform", "m.skae", "x.csv", "--out", out, *keep])
    if out == "y.csv":
        back = pd.read_csv(out, dtype=str, keep_default_na=False)
    else:
        back = pd.read_parquet(out)
    assert list(back) == ["key", "late", "autoencodertransformer0"]
    assert back["key"].tolist() == KEYS
    assert back["late"].tolist() == late
    assert_allclose(back.iloc[:, -1].astype(float), model.transform(table_of())[:, 0], rtol=1e-6)


def test_keys_of_parquet_keep_their_types(folder, capsys, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 2)
    # More than a float64 can tell apart, and a column without text in the first chunk.
    more = {
        "key": pa.array([2**60 + 1, None, 3, 4]),
        "late": pa.array([None, None, "late", None]),
    }
    columns = table_of().to_dict("list")
    pq.write_table(pa.table(columns | more), "x.parquet")
    keep = ["--keep", "key", "--keep", "late"]
    main(["transform", "m.skae", "x.parquet", "--out", "y.parquet", *keep])
    back = pd.read_parquet("y.parquet", dtype_backend="pyarrow")
    assert back["key"].fillna(0).tolist() == [2**60 + 1, 0, 3, 4]
    assert back["late"].fillna("").tolist() == ["", "", "late", ""]
    main(["transform", "m.skae", "x.parquet", "--out", "y.csv", "--keep", "key"])
    assert pd.read_csv("y.csv", dtype=str)["key"].tolist()[::2] == [str(2**60 + 1), "3"]


def test_the_index_of_parquet_is_a_key_but_no_feature(folder, capsys):
    table_of(key=["k", "l", "m", "n"]).set_index("key").to_parquet("x.parquet")
    main(["score", "m.skae", "x.parquet", "--out", "y.csv", "--keep", "key"])
    assert pd.read_csv("y.csv")["key"].tolist() == ["k", "l", "m", "n"]
    main(["fit", "x.parquet", "--out", "n.skae", "--set", "max_iter=1"])
    assert_array_equal(skae.load("n.skae").feature_names_in_, NAMES)


def test_features_can_be_kept(folder, model, capsys, monkeypatch):
    """As numbers of one type, although the first chunk holds whole ones only."""
    monkeypatch.setattr(_reading, "CHUNK", 2)
    (folder / "x.csv").write_text("a,b\n1,2\n2,3\n0.5,1\n4,5\n")
    main(["transform", "m.skae", "x.csv", "--out", "y.parquet", "--keep", "a"])
    assert_array_equal(pd.read_parquet("y.parquet")["a"], [1, 2, 0.5, 4])


def test_no_column_is_written_twice(folder):
    table_of(score=[1, 2, 3, 4]).to_csv("x.csv", index=False)
    for command, name in (("reconstruct", "a"), ("score", "score")):
        message = failure(command, "m.skae", "x.csv", "--out", "y.csv", "--keep", name)
        assert f"--keep is {name}, but what is written has a column of that name" in message
        assert not (folder / "y.csv").exists()


# -- outputs ------------------------------------------------------------------------------

COMMANDS = {
    "fit": ["fit", "absent.csv"],
    "transform": ["transform", "absent.skae", "absent.csv"],
    "reconstruct": ["reconstruct", "absent.skae", "absent.csv"],
    "score": ["score", "absent.skae", "absent.csv"],
    "predict": ["predict", "absent.skae", "absent.csv"],
    "sample": ["sample", "absent.skae"],
    "export": ["export", "absent.skae"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nothing_can_be_written_nothing_is_done(command, folder):
    """Neither is any file read before."""
    ending = {"fit": "skae", "export": "onnx"}.get(command, "csv")
    (folder / f"folder.{ending}").mkdir()
    for out, message in (
        (f"nodir/x.{ending}", "but there is no folder"),
        (f"m.skae/x.{ending}", "but there is no folder"),
        (f"folder.{ending}", "but that is a folder"),
        # Nobody may make files there, nor may names be so long.
        (f"/proc/x.{ending}", "but no such file can be made in /proc"),
        (f"{'x' * 250}.{ending}", "File name too long"),
        (f"x.{ending}.zip", f"expected a name that ends in .{ending}"),
    ):
        said = failure(*COMMANDS[command], "--out", out)
        assert said.startswith(f"skae: --out is {out}, ")
        assert message in said


def test_a_check_leaves_the_old_output(folder):
    table_of().to_csv("x.csv", index=False)
    (folder / "y.csv").write_text("old")
    before = sorted(folder.iterdir())
    failure("score", "absent.skae", "x.csv", "--out", "y.csv")
    assert sorted(folder.iterdir()) == before
    assert (folder / "y.csv").read_text() == "old"


@pytest.mark.parametrize("name", ["y.csv", "y.parquet", "n.skops"])
def test_a_link_stays_and_what_it_points_to_is_replaced(name, folder, capsys):
    table_of().to_csv("x.csv", index=False)
    (folder / "elsewhere").mkdir()
    target, link = folder / "elsewhere" / name, folder / name
    target.write_text("old")
    link.symlink_to(target)
    if name == "n.skops":
        main(["fit", "x.csv", "--out", name, "--standardize", "--set", "max_iter=1"])
    else:
        main(["score", "m.skae", "x.csv", "--out", name])
    assert link.is_symlink()
    assert len(target.read_bytes()) > 10
    assert [path.name for path in target.parent.iterdir()] == [name]


def test_a_message_has_a_bounded_length(folder):
    """Whatever it quotes; its beginning and its end are there."""
    for content in (
        "a,b\n1," + "x" * 100_000 + "\n",
        ",".join(f"column {i}" for i in range(10_000)) + "\n" + ",".join(["1"] * 10_000),
    ):
        (folder / "x.csv").write_text(content)
        message = failure("score", "m.skae", "x.csv")
        assert 1_000 < len(message) < 3_000
        assert message.endswith(("Make it a number before.", "column 9999."))
        assert "SKAE_DEBUG=1 shows them" in message


def test_ordered_categories_of_parquet_come_back(folder):
    grades = pd.Categorical(
        ["low", "high", "low", "mid"] * 10, ["low", "mid", "high"], ordered=True
    )
    X = pd.DataFrame({"grade": grades, "n": np.arange(40) % 4 * 1.0})
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0).fit(X)
    skae.save(ae, "grades.skae")
    X.to_parquet("grades.parquet")
    main(["reconstruct", "grades.skae", "grades.parquet", "--out", "y.csv"])
    assert pd.read_csv("y.csv")["grade"].tolist() == ae.reconstruct(X)["grade"].tolist()
