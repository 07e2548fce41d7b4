"""Reports: one page of HTML about a fitted estimator and rows.

They need jinja2 and matplotlib: ``pip install "skae[report]"``.
"""

from ._report import Report, report, report_on_samples
from ._row_sample import RowSample, RowSampler
from ._subject import Subject

__all__ = ["Report", "RowSample", "RowSampler", "Subject", "report", "report_on_samples"]
