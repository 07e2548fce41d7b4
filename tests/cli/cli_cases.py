"""Small fits and failures that tests of the command line share."""

import pytest

from skae.cli import main

FAST = ["--set", "max_iter=3", "--set", "hidden_layer_sizes=(5,)", "--random-state", "0"]

# Options of an estimator that takes neither words nor gaps.
NUMBERS_ONLY = ["--set", "loss=multinomial"]


def failure(*arguments):
    """Return the message of a command that fails."""
    with pytest.raises(SystemExit) as stopped:
        main([*arguments])
    return str(stopped.value)
