"""The command line as a whole: its commands, and how it ends."""

import os
import sys

import skae
from skae._extras import require

from ._apply import reconstruct, sample, score, transform
from ._export import export
from ._fit import fit
from ._info import info
from ._serve import serve

_HELP = """Autoencoders for tables: fit, encode, reconstruct, score, export and serve.

A model is a file that is safe to load, ending in .skae (or in .skops, if it is a pipeline). Tables
are CSV or Parquet files, told by the ending of their names; they are read and written in chunks, so
that they may be larger than memory. Only numeric columns count, by the names that they had when
the model was fitted.

    skae fit train.csv --estimator outlier --out model.skae
    skae score model.skae new.parquet --out scores.csv
    skae serve model.skae
"""


def main(arguments=None):
    """Run the command line, and exit.

    The exit status is 0, or 1 if something failed, which is said on the standard error, 2 if the
    command is not one, and 130 if it was interrupted. With SKAE_DEBUG=1 in the environment the
    traceback of a failure is shown.

    Parameters
    ----------
    arguments : list of str or None, default=None
        What follows the name of the command; None takes it from the command line.
    """
    try:
        cyclopts = require("cyclopts", "cli")
    except ImportError as error:
        sys.exit(f"skae: {error}")
    app = cyclopts.App(name="skae", help=_HELP, version=skae.__version__, help_format="plaintext")
    for command in (fit, transform, reconstruct, score, sample, info, export, serve):
        app.command(command)
    try:
        app(arguments, result_action="return_value")
    except BrokenPipeError:
        # Whoever read the output has enough: as for other commands that is no failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("SKAE_DEBUG"):
            raise
        sys.exit(f"skae: {error}")
