"""Compared estimators as a picture: bars are the cells of the table, the best first."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from skae.displays import ComparisonDisplay

TABLE = pd.DataFrame(
    {
        "n_components": [2, 2, 3],
        "error": [0.5, 0.3, 0.4],
        "error_std": [0.01, 0.02, 0.03],
        "accuracy": [0.7, 0.9, 0.8],
        "fit_time": [0.1, 1.0, 2.0],
    },
    index=["PCA(2)", "deep", "wide"],
)


def test_bars_are_the_cells_of_the_table():
    display = ComparisonDisplay.from_predictions(TABLE)
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["deep", "wide", "PCA(2)"]
    # The first row stands above the others.
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]
    for name in ("error", "accuracy", "fit_time"):
        widths = [bar.get_width() for bar in display.bars_[name]]
        assert_allclose(widths, TABLE.loc[["deep", "wide", "PCA(2)"], name])
    lines = display.bars_["error"].errorbar.lines[2][0].get_segments()
    assert_allclose([np.diff(line[:, 0])[0] / 2 for line in lines], [0.02, 0.03, 0.01])
    of_pca = display.bars_["error"][2].get_facecolor()
    assert of_pca != display.bars_["error"][0].get_facecolor()
    assert display.plot() is display


def test_a_table_without_codes_to_judge_and_one_without_errors():
    display = ComparisonDisplay.from_predictions(TABLE.drop(columns="accuracy"))
    assert list(display.bars_) == ["error", "fit_time"]
    scored = TABLE.rename(columns={"accuracy": "auroc"}).assign(error=np.nan, error_std=np.nan)
    display = ComparisonDisplay.from_predictions(scored)
    assert list(display.drawn_.index) == ["deep", "wide", "PCA(2)"]


def test_other_tables_are_refused():
    with pytest.raises(TypeError, match=r"table must be the DataFrame that skae\.compare returns"):
        ComparisonDisplay.from_predictions(TABLE[["error"]])
