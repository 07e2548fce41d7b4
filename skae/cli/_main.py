"""The command line: its commands and exit statuses."""

import os
import sys

import skae
from skae._extras import require

from ._export import export
from ._fit import fit
from ._info import info
from ._lone_hyphens import with_lone_hyphens
from ._messages import shortened, telling_warnings
from ._options import OPTIONS
from ._report import report
from ._rows import predict, reconstruct, sample, score, transform
from ._serve import serve
from ._signals import exits_at_signals

_HELP = """Autoencoders for tables: fit, encode, reconstruct, score, predict, report, serve.

A model is a file that is safe to load, ending in .skae (or in .skops, if it is a pipeline). A
table is a CSV or Parquet file, told by the ending of its name, a folder of Parquet files, or - for
CSV from the standard input; fields are separated by tabs in .tsv, and CSV may be compressed, as in
.csv.gz. Tables may be larger than memory: transform, reconstruct, score and predict read them part
by part. So does fit with Parquet, and with CSV if --passes is given.

A model is fitted on all columns but --target and those left out with --drop: numbers, and for most
estimators also text, truth values, dates and empty cells. It finds them later by their names, in
any order, reads them in the types that it was fitted on, and ignores other columns; a model that
knows no names takes all columns.

    skae fit train.csv --estimator outlier --out model.skae
    skae score model.skae new.parquet --out scores.csv
    skae fit train.csv --estimator classifier --target y --out classifier.skae
    skae predict classifier.skae new.csv --probability --out classes.csv
    skae report model.skae new.parquet --reference heldout.csv --out report.html
    skae serve model.skae
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit.

    The exit status is 0; 1 for a failure, with a message on the standard error; 2 for an invalid
    command; and 128 plus the number of a signal that ended it: 130 for an interrupt, 143 for
    SIGTERM. With SKAE_DEBUG=1 in the environment the traceback of a failure is shown.

    Parameters
    ----------
    arguments : list of str or None, default=None
        The words after the name of the command; None takes them from the command line.
    """
    try:
        cyclopts = require("cyclopts", "cli")
    except ImportError as error:
        sys.exit(f"skae: {error}")
    app = cyclopts.App(
        name="skae",
        help=_HELP,
        version=skae.__version__,
        # Paragraphs as wide as the terminal, and no --empty-drop beside --drop.
        help_format="markdown",
        default_parameter=cyclopts.Parameter(negative=()),
    )
    for options in OPTIONS:
        # Its fields are options of their own.
        cyclopts.Parameter(name="*")(options)
    for command in (
        fit,
        transform,
        reconstruct,
        score,
        predict,
        sample,
        info,
        report,
        export,
        serve,
    ):
        app.command(command)
    words = with_lone_hyphens(app, sys.argv[1:] if arguments is None else arguments)
    try:
        with exits_at_signals(), telling_warnings():
            app(words, result_action="return_value")
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has enough: as for other commands that is no failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if os.environ.get("SKAE_DEBUG"):
            raise
        sys.exit(f"skae: {shortened(error)}")
