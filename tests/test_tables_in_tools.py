"""A table of several types gets the same answers, and the same refusals, from every tool."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tools_cases import NUMBERS, start_all, table

TOOLS = ["python", "file", "command line", "graph", "server", "server of a graph"]

# ONNX Runtime names no column, and JSON has no infinity.
OR_ELSE = {"graph": "|Unexpected input data type", "server": "|NaN and infinities have no place"}

# Tensors of whole numbers and truth values hold no gaps, and a graph alone checks nothing.
GRAPHS = ["graph", "server of a graph"]
ALL_BUT_GRAPHS = [tool for tool in TOOLS if tool not in GRAPHS]
ALL_BUT_BARE_GRAPHS = [tool for tool in TOOLS if tool != "graph"]


@pytest.fixture(scope="module", params=list(NUMBERS))
def tools(request, tmp_path_factory, torchlib_is_parsed_once):
    tools, stack = start_all(request.param, tmp_path_factory.mktemp("tools"))
    with stack:
        yield tools


@pytest.fixture(scope="module")
def expected(tools):
    """Give what the estimator answers in a case."""
    return cache(lambda case: tools["python"](ANSWERED[case][0]))


@pytest.fixture(scope="module")
def before(tools):
    """Give the codes of the rows of fit, as a tool answered when it was first asked."""
    return cache(lambda tool: tools[tool](table())["codes"])


def changed(**cells):
    """Four rows, the second of which has other cells."""
    frame = table()[:4]
    for name, value in cells.items():
        values = frame[name].tolist()
        values[1] = value
        frame = frame.assign(**{name: pd.Series(values)})
    return frame.astype({"city": object})


ANSWERED = {
    "rows of fit": (table(), TOOLS),
    "one row": (table()[5:6], TOOLS),
    "gaps where fit had some": (changed(income=np.nan, city=None), TOOLS),
    "a column without any value": (table()[:4].assign(city=None, income=np.nan), TOOLS),
    "a gap of a date, where fit had none": (changed(since=pd.NaT), TOOLS),
    "an unknown category": (changed(city="Bonn"), TOOLS),
    "text that looks like numbers": (table()[:4].assign(city="007"), TOOLS),
    "numbers far outside": (changed(income=1e6, age=500), TOOLS),
    "a gap of whole numbers, where fit had none": (changed(age=np.nan), ALL_BUT_GRAPHS),
    "a fraction where whole numbers were": (changed(age=40.5), ALL_BUT_GRAPHS),
    "a gap of truth values, where fit had none": (changed(member=None), ALL_BUT_GRAPHS),
}


@pytest.mark.parametrize(
    ("case", "tool"), [(case, tool) for case, (_, tools) in ANSWERED.items() for tool in tools[1:]]
)
def test_what_is_answered_is_answered_alike(case, tool, tools, expected):
    found, expected = tools[tool](ANSWERED[case][0]), expected(case)
    assert found.keys() == expected.keys()
    for name in expected.keys() - {"reconstruction"}:
        assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    for name, column in expected["reconstruction"].items():
        cells = found["reconstruction"][name]
        if name == "income":
            # Differences of float32 numbers around one.
            assert_allclose(cells, column, rtol=1e-4, atol=1e-6)
        else:
            assert_array_equal(cells.astype(column.dtype).to_numpy(), column.to_numpy())


REFUSED = {
    "a lost column": (table()[:4].drop(columns="city"), "city", TOOLS),
    # The command line finds columns by their names, and ignores others.
    "a new column": (
        table()[:4].assign(extra=1.0),
        "extra",
        [tool for tool in TOOLS if tool != "command line"],
    ),
    "text in a column of numbers": (changed(income="much"), "income", TOOLS),
    "text in a column of whole numbers": (changed(age="old"), "age", TOOLS),
    "numbers in a column of text": (
        # A CSV file does not tell text from numbers.
        table()[:4].assign(city=[1, 2, 3, 4]),
        "city",
        [tool for tool in TOOLS if tool != "command line"],
    ),
    "text in a column of truth values": (changed(member="maybe"), "member", TOOLS),
    "text in a column of dates": (changed(since="soon"), "since", TOOLS),
    "infinity": (changed(income=np.inf), "income", ALL_BUT_BARE_GRAPHS),
    "a gap of whole numbers, where fit had none": (changed(age=np.nan), "age", GRAPHS),
}


@pytest.mark.parametrize(
    ("case", "tool"), [(case, tool) for case, (*_, tools) in REFUSED.items() for tool in tools]
)
def test_what_is_refused_names_the_column_and_harms_nothing(case, tool, tools, before):
    frame, column, _ = REFUSED[case]
    before = before(tool)
    message = column + OR_ELSE.get(tool.partition(" of")[0], "")
    with pytest.raises((Exception, SystemExit), match=message):
        tools[tool](frame)
    assert_array_equal(tools[tool](table())["codes"], before)


@pytest.mark.parametrize("tool", ["python", "file", "command line", "server"])
def test_a_row_without_any_value(tool, tools):
    frame = table()[:4].astype(object)
    frame.loc[2] = None
    frame = frame.astype({"age": float, "income": float, "since": "datetime64[us]"})
    with pytest.raises((ValueError, SystemExit), match="Row 2 of X, counted from 0, has no value"):
        tools[tool](frame)
