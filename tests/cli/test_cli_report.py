"""``skae report``: the file is what the function makes of the same rows."""

import pandas as pd
import pytest
from cli_cases import failure
from display_cases import WINE, linear, of_table
from mixed_cases import table, with_gaps
from report_cases import Page, detector_of_wine

import skae
from skae.cli import main


@pytest.fixture
def folder(folder):
    WINE.to_csv("wine.csv", index=False)
    skae.save(linear(), "linear.skae")
    return folder


def report(*words):
    main(["report", *words, "--out", "report.html"])
    with open("report.html", encoding="utf-8") as file:
        return file.read()


def test_the_file_is_that_of_the_function(folder, capsys):
    assert report("linear.skae", "wine.csv") == skae.report(linear(), WINE).html
    said = capsys.readouterr().out
    assert said.startswith("report.html: AutoencoderTransformer, 178 rows, ")


def test_text_dates_and_gaps_come_as_in_python(folder):
    X, reference = with_gaps(table(3, 120)).reset_index(drop=True), table(5, 120)
    X.to_parquet("new.parquet")
    reference.to_csv("reference.csv", index=False)
    skae.save(of_table(), "table.skae")
    found = Page(report("table.skae", "new.parquet", "--reference", "reference.csv"))
    expected = Page(skae.report(of_table(), X, reference=reference).html)
    assert found.columns() == expected.columns()
    assert found.table("Tests") == expected.table("Tests")


def test_a_detector_of_drift_reads_what_its_model_does(folder):
    drift = skae.DriftDetector(of_table(), random_state=0).fit(table(5, 120))
    skae.save(drift, "drift.skae")
    X = table(3, 120).reset_index(drop=True)
    X.to_csv("new.csv", index=False)
    found, expected = Page(report("drift.skae", "new.csv")), Page(skae.report(drift, X).html)
    assert found.table("Tests") == expected.table("Tests")


def test_large_files_are_sampled_chunk_by_chunk_as_arrays_are(folder):
    skae.save(detector_of_wine(), "detector.skae")
    X = pd.concat([WINE] * 150, ignore_index=True)
    X.to_parquet("large.parquet")
    made = report("detector.skae", "large.parquet", "--max-samples", "200", "--random-state", "3")
    assert made == skae.report(detector_of_wine(), X, max_samples=200, random_state=3).html
    assert Page(made).highlights["rows in this report"] == "200 of 26,700"


def test_failures_say_what_to_do(folder):
    table(5, 30).to_csv("other.csv", index=False)
    rest = ["report", "linear.skae", "wine.csv", "--out"]
    assert "there is no folder" in failure(*rest, "absent/report.html")
    assert "expected a name that ends in .html" in failure(*rest, "report.pdf")
    said = failure(*rest, "report.html", "--reference", "other.csv")
    assert said.startswith("skae: --reference is other.csv: The table has no column 'alcohol'")
    said = failure("report", "linear.skae", "other.csv", "--out", "report.html")
    assert "no column 'alcohol'" in said
    skae.save(linear().encoder_, "encoder.skae")
    said = failure("report", "encoder.skae", "wine.csv", "--out", "report.html")
    assert "Encoder is one half of an autoencoder" in said
