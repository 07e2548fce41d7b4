"""Tests of drift as a picture: the order, the p-values and the sizes are those of the result."""

from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from display_cases import of_table
from mixed_cases import table
from numpy.testing import assert_allclose
from scipy.stats import ks_2samp
from sklearn.exceptions import NotFittedError

from skae import DriftDetector
from skae.displays import DriftDisplay


@cache
def detector():
    return DriftDetector(of_table(), random_state=0, n_permutations=99).fit(table(5, 120))


def other_rows():
    return table(6, 100).assign(city="Rome")


def labels_of(display):
    return [label.get_text() for label in display.axes_[0].get_yticklabels()]


def test_points_are_the_adjusted_p_values():
    display = DriftDisplay.from_estimator(detector(), other_rows())
    tests = detector().test(other_rows()).tests
    x, y = display.p_values_.get_offsets().T
    assert_allclose(x, tests["p_adjusted"].sort_values())
    assert y.tolist() == list(range(len(tests)))
    assert display.alpha_.get_xdata() == [0.05, 0.05]
    # Surer tests are on the right.
    left, right = display.axes_[0].get_xlim()
    assert left > 1 > tests["p_adjusted"].min() > right


def test_what_has_drifted_is_red_and_comes_first():
    display = DriftDisplay.from_estimator(detector(), other_rows())
    assert display.drawn_["drift"].iloc[0]
    assert display.drawn_.loc["city", "drift"]
    red = plt.matplotlib.colors.to_rgba("C3")
    found = [tuple(colour) == red for colour in display.p_values_.get_facecolors()]
    assert found == display.drawn_["drift"].tolist()
    assert [bar.get_facecolor() == red for bar in display.sizes_] == found
    assert labels_of(display)[found.index(True)] in ("city", "all scores", "all codes together")
    assert display.axes_[0].get_title().startswith("Drift (p = ")


def test_the_size_of_a_shift_and_of_categories():
    batch = other_rows()
    display = DriftDisplay.from_estimator(detector(), batch)
    width = {
        name: bar.get_width()
        for name, bar in zip(display.drawn_.index, display.sizes_, strict=True)
    }
    reference = table(5, 120)
    assert width["age"] == pytest.approx(ks_2samp(batch["age"], reference["age"]).statistic)
    codes = display.tests.loc["codes", "effect"]
    assert width["codes"] == pytest.approx(abs(2 * codes - 1))
    # All rows of the batch are of Rome: the others of the reference would have to be.
    assert width["city"] == pytest.approx((reference["city"] != "Rome").mean())


def test_no_drift_says_so():
    display = DriftDisplay.from_estimator(detector(), table(7, 100))
    assert not display.drift
    assert display.axes_[0].get_title().startswith("No drift (p = ")
    assert display.axes_[1].get_title() == ""


def test_a_result_is_drawn_with_the_surest_of_many_tests():
    result = detector().test(other_rows())
    display = DriftDisplay.from_result(result)
    assert display.p_value == result.p_value
    many = pd.concat([result.tests.add_prefix(f"{i}_", axis=0) for i in range(3)])
    shown = DriftDisplay(tests=many, alpha=0.05, drift=True, p_value=0.01).plot()
    assert len(shown.drawn_) == 15
    assert shown.axes_[0].get_title().endswith(f", 15 of {len(many)} tests")
    assert shown.drawn_["p_adjusted"].max() <= many["p_adjusted"].sort_values().iloc[15]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NotFittedError):
        DriftDisplay.from_estimator(DriftDetector(of_table()), other_rows())
    with pytest.raises(TypeError, match="needs a DriftDetector, got AutoencoderTransformer"):
        DriftDisplay.from_estimator(of_table(), other_rows())
    with pytest.raises(ValueError, match="yet now missing:\n- age"):
        DriftDisplay.from_estimator(detector(), other_rows().drop(columns="age"))
    with pytest.raises(TypeError, match=r"what DriftDetector.test returns, got dict"):
        DriftDisplay.from_result({})
    with pytest.raises(ValueError, match="2 of them, got an array"):
        DriftDisplay.from_estimator(detector(), other_rows(), ax=plt.subplots(3)[1])
