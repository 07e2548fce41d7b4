"""How CSV files are written: headers, separators, encodings and compressions; and hyphens."""

import bz2
import gzip
import io
import lzma
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_cases import failure
from numpy.testing import assert_allclose, assert_array_equal

import skae
from skae.cli import _reading, main

NAMES = ["a", "b", "c"]
TABLE = pd.DataFrame(np.random.RandomState(0).randn(30, 3).round(3), columns=NAMES)
FIT = ["--set", "max_iter=1", "--set", "hidden_layer_sizes=(3,)", "--random-state", "0"]


@pytest.fixture(scope="module")
def model():
    return skae.AutoencoderTransformer(1, hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(
        TABLE
    )


@pytest.fixture
def folder(folder, model):
    """A folder with a table, and a model of it."""
    skae.save(model, "m.skae")
    TABLE.to_csv("x.csv", index=False)
    return folder


def scores(data, *options):
    """Return what `skae score` writes of a table."""
    main(["score", "m.skae", data, "--out", "scores.csv", *options])
    return pd.read_csv("scores.csv")["score"]


# -- headers ------------------------------------------------------------------------------

COMMANDS = {
    "fit": ["fit", "{}", "--out", "n.skae"],
    "drop": ["fit", "{}", "--out", "n.skae", "--drop", "b"],
    "drop all of them": ["fit", "{}", "--out", "n.skae", "--drop", "a"],
    "passes": ["fit", "{}", "--out", "n.skae", "--passes", "2"],
    "score": ["score", "m.skae", "{}", "--out", "y.csv"],
    "keep": ["transform", "m.skae", "{}", "--out", "y.csv", "--keep", "a"],
    "export": ["export", "m.skae", "--out", "y.onnx", "--data", "{}"],
}


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        *((command, "csv") for command in COMMANDS),
        *(("score", ending) for ending in ("tsv", "csv.gz", "parquet")),
        ("fit", "parquet"),
    ],
)
def test_two_columns_of_one_name(command, ending, folder):
    name = f"twice.{ending}"
    if ending == "parquet":
        columns = [pa.array(TABLE[name]) for name in NAMES]
        pq.write_table(pa.Table.from_arrays(columns, names=["a", "b", "a"]), name)
    else:
        twice = TABLE.set_axis(["a", "b", "a"], axis=1)
        twice.to_csv(name, index=False, sep="\t" if ending == "tsv" else ",")
    before = sorted(folder.iterdir())
    message = failure(*(word.format(name) for word in COMMANDS[command]))
    assert f"{name} cannot be read: several of its columns are called 'a'" in message
    assert sorted(folder.iterdir()) == before


def test_names_that_pandas_would_make_of_others_are_names(folder):
    TABLE.set_axis(["a", "a.1", "a.2"], axis=1).to_csv("x.csv", index=False)
    main(["fit", "x.csv", "--out", "n.skae", *FIT])
    assert_array_equal(skae.load("n.skae").feature_names_in_, ["a", "a.1", "a.2"])


def test_a_file_without_a_header(folder, capsys, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 20)
    TABLE.to_csv("x.csv", index=False, header=False)
    main(["fit", "x.csv", "--out", "n.skae", *FIT])
    said = capsys.readouterr().err
    assert said.count("skae: warning:") == 1
    assert "holds only numbers, such as 1.764. If it is a row, add --no-header" in said
    main(["fit", "x.csv", "--out", "n.skae", "--no-header", *FIT])
    assert capsys.readouterr().err == ""
    fitted = skae.load("n.skae")
    assert_array_equal(fitted.feature_names_in_, ["x0", "x1", "x2"])
    main(["transform", "n.skae", "x.csv", "--no-header", "--keep", "x1", "--out", "y.csv"])
    rows = TABLE.set_axis(fitted.feature_names_in_, axis=1)
    written = pd.read_csv("y.csv")
    assert_array_equal(written["x1"], TABLE["b"])
    assert_allclose(written.iloc[:, 1:], fitted.transform(rows), rtol=1e-6)
    # No rows are lost, also where values are there twice.
    pd.DataFrame(np.ones((5, 3))).to_csv("x.csv", index=False, header=False)
    message = failure("fit", "x.csv", "--out", "n.skae")
    assert "several of its columns are called '1.0'. If its first line holds values" in message
    assert "add --no-header" in message


def test_names_that_are_numbers_are_no_matter_where_they_are_not_asked_for(folder, capsys):
    years = TABLE.set_axis(["2019", "2020", "2021"], axis=1)
    years.to_parquet("x.parquet")
    years.assign(word=1.0).to_csv("x.csv", index=False)
    for data in ("x.parquet", "x.csv"):
        main(["fit", data, "--out", "n.skae", *FIT])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_row_numbers_that_pandas_wrote(ending, folder, capsys):
    if ending == "csv":
        TABLE.to_csv("x.csv")
    else:
        TABLE.assign(**{"Unnamed: 0": np.arange(30)}).to_parquet("x.parquet")
    main(["fit", f"x.{ending}", "--out", "n.skae", "--passes", "2", *FIT])
    said = capsys.readouterr().err
    assert said.count("skae: warning:") == 1
    assert f"column 'Unnamed: 0' of x.{ending}" in said
    assert "Leave it out with --drop 'Unnamed: 0'." in said
    main(["fit", f"x.{ending}", "--out", "n.skae", "--drop", "Unnamed: 0", *FIT])
    # A model that knows its columns ignores it.
    main(["score", "m.skae", f"x.{ending}", "--out", "y.csv"])
    assert capsys.readouterr().err == ""


# -- text ---------------------------------------------------------------------------------


def test_decimals_behind_a_comma(folder, model):
    TABLE.to_csv("x.csv", index=False, sep=";", decimal=",")
    message = failure("score", "m.skae", "x.csv", "--sep", ";")
    assert "If ',' stands before its decimals, add --decimal ','." in message
    found = scores("x.csv", "--sep", ";", "--decimal", ",")
    assert_allclose(found, model.score_samples(TABLE), rtol=1e-6)
    message = failure("score", "m.skae", "x.csv", "--decimal", ",")
    assert "--decimal is ',', which separates the fields of x.csv, too" in message
    assert "--decimal is '..', expected a single" in failure(
        "score", "m.skae", "x.csv", "--decimal", ".."
    )


def test_other_encodings(folder):
    names = ["größe", "b", "c"]
    rows = TABLE.set_axis(names, axis=1)
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        rows.to_csv("x.csv", index=False, encoding=encoding)
        if encoding == "utf-8-sig":
            options = []
        else:
            options = ["--encoding", encoding]
            assert "--encoding, such as --encoding latin-1" in failure(
                "fit", "x.csv", "--out", "n.skae"
            )
        main(["fit", "x.csv", "--out", "n.skae", *options, *FIT])
        assert_array_equal(skae.load("n.skae").feature_names_in_, names)
    assert "--encoding is 'klingon', expected an encoding" in failure(
        "fit", "x.csv", "--out", "n.skae", "--encoding", "klingon"
    )


def test_parquet_takes_no_options_of_csv(folder):
    TABLE.to_parquet("x.parquet")
    message = failure("score", "m.skae", "x.parquet", "--sep", ";")
    assert "x.parquet is Parquet, and options of CSV are set" in message


def test_a_line_break_in_the_header(folder):
    (folder / "x.csv").write_text('\n\na,"b\n,c",d\n' + "1,2,3\n4,5,6\n7,8,8\n")
    main(["fit", "x.csv", "--out", "n.skae", *FIT])
    assert_array_equal(skae.load("n.skae").feature_names_in_, ["a", "b\n,c", "d"])


# -- compressions -------------------------------------------------------------------------

OPEN = {
    ".csv": open,
    ".tsv": open,
    ".csv.gz": gzip.open,
    ".tsv.gz": gzip.open,
    ".csv.bz2": bz2.open,
    ".csv.xz": lzma.open,
    ".csv.zst": lambda path, mode: pa.CompressedInputStream(path, "zstd"),
}


@pytest.mark.parametrize("ending", OPEN)
def test_what_is_read_is_written(ending, folder, model, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 20)
    main(["reconstruct", "m.skae", "x.csv", "--out", f"y{ending}"])
    sep = "\t" if "tsv" in ending else ","
    with OPEN[ending](f"y{ending}", "rb") as file:
        written = pd.read_csv(io.BytesIO(file.read()), sep=sep)
    expected = model.reconstruct(TABLE)
    assert list(written) == NAMES
    assert_allclose(written, expected, rtol=1e-6)
    assert_allclose(scores(f"y{ending}"), model.score_samples(written), rtol=1e-6)
    again = (folder / f"y{ending}").read_bytes()
    main(["reconstruct", "m.skae", "x.csv", "--out", f"y{ending}"])
    assert (folder / f"y{ending}").read_bytes() == again


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst"])
def test_damaged_compressed_files_are_named(ending, folder):
    main(["reconstruct", "m.skae", "x.csv", "--out", f"y{ending}"])
    whole = (folder / f"y{ending}").read_bytes()
    for content in (b"a,b\n1,2\n", whole[: len(whole) // 2]):
        (folder / f"y{ending}").write_bytes(content)
        message = failure("score", "m.skae", f"y{ending}")
        assert message.startswith(f"skae: y{ending} cannot be read: ")


# -- hyphens ------------------------------------------------------------------------------


def test_a_hyphen_is_the_standard_input_only_as_a_table(folder, model, capsys, monkeypatch):
    def type_in(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    type_in(TABLE.abs().to_csv(index=False, sep="-"))
    main(["score", "m.skae", "-", "--sep", "-", "--out", "-"])
    written = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert_allclose(written["score"], model.score_samples(TABLE.abs()), rtol=1e-6)
    TABLE.assign(**{"-": 7}).to_csv("x.csv", index=False)
    main(["fit", "x.csv", "--drop", "-", "--out", "n.skae", *FIT])
    assert_array_equal(skae.load("n.skae").feature_names_in_, NAMES)
    main(["score", "m.skae", "x.csv", "--keep", "-", "--out", "y.csv"])
    assert set(pd.read_csv("y.csv")["-"]) == {7}
    for command in (["fit", "x.csv"], ["export", "m.skae"]):
        assert "--out is -, expected a name that ends in" in failure(*command, "--out", "-")
    # After a flag a hyphen is a table.
    type_in(TABLE.to_csv(index=False, header=False))
    main(["fit", "--no-header", "-", "--out", "n.skae", *FIT])
    assert skae.load("n.skae").n_features_in_ == 3


@pytest.mark.filterwarnings("ignore:Text differs")
def test_commas_in_numbers_and_dates_of_other_forms_are_told(folder, capsys):
    frame = TABLE.assign(day=[f"{1 + i % 28:02}.03.2024" for i in range(30)], part="2.1,b")
    frame.to_csv("y.csv", index=False, sep=";", decimal=",")
    main(["fit", "y.csv", "--sep", ";", "--out", "y.skae", *FIT])
    said = capsys.readouterr().err
    assert "'a' is taken for text: its cells look like numbers with a comma, such as '" in said
    assert "'day' is taken for text, and its cells look like dates, such as '01.03.2024'" in said
    assert "'part'" not in said
    short = {"us": "1/2/24", "dotted": "01.02.24", "dashed": "1-2-2024"}
    others = {"version": "1.2.10", "mixed": "1.2-2024"}
    TABLE.assign(**short, **others).to_csv("z.csv", index=False)
    main(["fit", "z.csv", "--out", "z.skae", *FIT])
    said = capsys.readouterr().err
    assert [name for name in short | others if f"{name!r} is taken for text" in said] == [*short]
    main(["fit", "y.csv", "--sep", ";", "--decimal", ",", "--out", "y.skae", *FIT])
    assert "'a'" not in capsys.readouterr().err
