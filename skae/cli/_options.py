"""Options that several commands share; cyclopts makes an option of each field."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """The form of a CSV file; Parquet needs none of this.

    Parameters
    ----------
    sep
        Separator of the fields; '\\t' is a tab. Without it a comma, and a tab in .tsv files.
    decimal
        Decimal separator.
    encoding
        The encoding of the text, such as latin-1.
    no_header
        The first line holds values, and no names. Columns are called x0, x1, and so on.
    missing
        Text that stands for a cell without a value, such as '?', beside those that pandas knows:
        nothing, NA, N/A, NaN, None, null and the like; may be given several times.
    """

    sep: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    no_header: bool = False
    missing: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class TrustOptions:
    """Types that a model file may need.

    Parameters
    ----------
    trust
        A type to trust in a .skops file, by the name that the error says; may be given several
        times. Trust only what you know: files with such types could run code.
    """

    trust: list[str] | None = None


PLAIN = CsvOptions()
NO_TRUST = TrustOptions()


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """Options of commands that apply a model to the rows of a table.

    Parameters
    ----------
    out
        CSV or Parquet file for the result, which has a row for each row of the table. Without it,
        or with -, the command writes CSV to the standard output.
    keep
        A column of the table to repeat beside the result, such as a key; may be given several
        times. Keys that are no features stay as they are written: 0012 is not 12.
    """

    out: Path | None = None
    keep: list[str] | None = None
    trusted: TrustOptions = NO_TRUST
    csv: CsvOptions = PLAIN


DEFAULTS = RowOptions()

# The classes whose fields are options of a command.
OPTIONS = (CsvOptions, TrustOptions, RowOptions)
