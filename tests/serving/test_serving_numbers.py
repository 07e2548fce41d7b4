"""Serving: a number out of its range is refused by its name, before any model is loaded."""

import numpy as np
import pytest

from skae.cli import main
from skae.serving import make_app, serve

BAD = [
    *((name, value) for name in ("max_queue", "max_batch", "max_body") for value in (0, -5)),
    ("port", 99999),
    ("port", 65536),
    ("port", -1),
]
RANGES = {"port": r"\[0, 65535\]"}


def message(name, value, spelled):
    return rf"'{spelled}' .* int in the range {RANGES.get(name, r'.1, inf.')}. Got {value} instead"


@pytest.mark.parametrize(("name", "value"), [*BAD, ("max_body", np.nan), ("port", 80.5)])
def test_a_number_out_of_range(name, value):
    with pytest.raises(ValueError, match=message(name, value, name)):
        serve("missing.skae", **{name: value})
    if name != "port":
        with pytest.raises(ValueError, match=message(name, value, name)):
            make_app("missing.skae", **{name: value})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_option_out_of_range(name, value):
    option = "--" + name.replace("_", "-")
    with pytest.raises(SystemExit, match=message(name, value, option)):
        main(["serve", "missing.skae", option, str(value)])


@pytest.mark.parametrize("value", ["nan", "inf", "many", ""])
def test_an_option_that_is_no_number(value, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "missing.skae", "--max-queue", value])
    assert stopped.value.code not in (0, None)
    assert "--max-queue" in capsys.readouterr().err


def test_an_empty_host_does_not_listen_everywhere():
    with pytest.raises(ValueError, match="host='' is no address"):
        serve("missing.skae", host="")
