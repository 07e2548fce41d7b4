"""The report: its sections, and the object that is a page."""

import html
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from skae._atomic import write_atomically
from skae._extras import require

from ._case import Case
from ._codes_section import codes_section
from ._columns_section import columns_section
from ._drift_section import drift_section, tests_section
from ._filled_section import filled_section
from ._model_section import model_section
from ._outliers_section import outliers_section
from ._page import page_of
from ._parts import Highlight, Section
from ._predictions_section import predictions_section
from ._row_sample import RowSample
from ._subject import Subject
from ._training_section import training_section
from ._unusual_section import unusual_section


@dataclass(frozen=True)
class Report:
    """A page about a fitted estimator and rows. A notebook shows it.

    :func:`skae.report` makes it.

    Parameters
    ----------
    html : str
        The page. It holds its pictures, and loads nothing from elsewhere.

    See Also
    --------
    skae.report : Makes reports.

    Examples
    --------
    >>> from skae.reporting import Report
    >>> page = Report("<!DOCTYPE html><title>A page</title>")
    >>> page.save("page.html")  # doctest: +SKIP
    >>> page
    <Report of 36 characters; save(path) writes it to a file>
    """

    html: str

    def save(self, path: str | os.PathLike) -> None:
        """Write the page to a file, as a whole or not at all.

        Parameters
        ----------
        path : str or path
            The file, best with a name that ends in ".html".

        Raises
        ------
        OSError
            If there is no such folder, or no file can be written there.
        """
        # A name may hold half of a character, which no file can.
        write_atomically(path, self.html.encode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"<Report of {len(self.html):,} characters; save(path) writes it to a file>"

    def _repr_html_(self) -> str:
        # In a frame of its own the page has its own styles.
        page = html.escape(self.html)
        style = "width: 100%; height: 800px; border: 1px solid #8888; border-radius: 8px"
        return f'<iframe srcdoc="{page}" title="Report" style="{style}"></iframe>'


def report(
    estimator: Any,
    X: Any,
    *,
    reference: Any = None,
    max_samples: int | None = 10_000,
    random_state: int = 0,
) -> Report:
    """Report on a fitted estimator and rows: one HTML page that opens anywhere.

    The page says what the model is, how it was trained, how well each column comes back, which
    rows are unusual and why, and where rows lie in the code. An outlier detector tells which rows
    it would flag, a classifier which classes it predicts, an imputer what it fills in. With a
    reference the page says whether the rows have drifted away from it.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skae, or a Pipeline that ends in one; of a search, its best one.
        Halves of autoencoders, :class:`Encoder` and :class:`Decoder`, have no reports.
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Rows, best those that the estimator was not trained on. Images and windows may be arrays of
        more dimensions. For a Pipeline that starts with :class:`skae.windows.Windows` they are a
        recording, and the report is on its windows.
    reference : {array-like, sparse matrix, DataFrame}, default=None
        Earlier rows to test `X` against by a :class:`DriftDetector`, held out from training. None
        tests nothing. A :class:`DriftDetector` has its own, and an :class:`AutoencoderImputer` has
        no codes to test.
    max_samples : int or None, default=10000
        Most rows of `X`, and of `reference`, drawn at random; the report says so. Of tables with
        more than about 400 columns fewer are drawn, as memory grows with their cells. None takes
        all.
    random_state : int, default=0
        Determines which rows are drawn, and the permutations of the tests of drift. The same number
        makes the same page.

    Returns
    -------
    report : Report
        The page. A notebook shows it, ``report.save("report.html")`` writes it to a file, and
        ``report.html`` is its text.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no estimator that reports are about, or `X` is None.
    ValueError
        If the rows, or those of the reference, do not fit the estimator, or there is a reference
        that it cannot be tested against.
    ImportError
        If jinja2 or matplotlib is missing: ``pip install "skae[report]"``.

    See Also
    --------
    skae.displays.ReconstructionDisplay : Rows beside their reconstructions, as a picture.
    compare : Several estimators beside each other, before one is chosen.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> X = load_iris(as_frame=True).data
    >>> ae = skae.AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X[:120])
    >>> report = skae.report(ae, X[120:])
    >>> "Report on an AutoencoderTransformer" in report.html
    True
    >>> report.save("iris.html")  # doctest: +SKIP
    """
    subject = Subject.of(estimator)
    _check_reference(subject, reference)
    seed = int(random_state)
    samples = {}
    for name, rows in {"X": X, "reference": reference}.items():
        if name == "X" or rows is not None:
            rows = rows if subject.cuts is None else subject.cuts.transform(rows)
            samples[name] = RowSample.draw(rows, name, max_samples, seed)
    return report_on_samples(estimator, samples["X"], samples.get("reference"), random_state=seed)


def report_on_samples(
    estimator: Any, sample: RowSample, reference: RowSample | None = None, *, random_state: int = 0
) -> Report:
    """Report on rows that are drawn already; see :func:`skae.report`.

    Parameters
    ----------
    estimator : estimator
        The fitted estimator.
    sample : RowSample
        The rows.
    reference : RowSample, default=None
        Earlier rows to test against.
    random_state : int, default=0
        Determines the permutations of the tests of drift.

    Returns
    -------
    report : Report
        The page.
    """
    for module in ("jinja2", "matplotlib"):
        # Before anything is computed that could not be shown.
        require(module, "report")
    subject = Subject.of(estimator)
    _check_reference(subject, reference)
    case = Case(subject, sample, random_state)
    sections = [one for one in _sections(case, reference) if one is not None]
    n_rows = f"{sample.n_drawn:,}" + (f" of {sample.n_rows:,}" * (sample.n_drawn < sample.n_rows))
    highlights = [Highlight(n_rows, "rows in this report")]
    highlights += [one for section in sections for one in section.highlights]
    title = f"Report on {'an' if subject.name[0] in 'AEIOU' else 'a'} {subject.name}"
    pieces = "" if subject.cuts is None else f" that {type(subject.cuts[-1]).__name__} made"
    subtitle = f"About {sample.in_words}{pieces}."
    return Report(page_of(title, subtitle, highlights, sections))


def _sections(case: Case, reference: RowSample | None) -> Iterator[Section | None]:
    subject = case.subject
    yield model_section(subject)
    yield training_section(subject)
    if subject.kind == "drift":
        n_rows = getattr(subject.last, "n_reference_", len(subject.last.scores_))
        yield tests_section(case, subject.last, f"the reference of the detector, {n_rows:,} rows")
        return
    if subject.kind == "imputer":
        yield filled_section(case)
        return
    if subject.kind in ("classifier", "regressor"):
        yield predictions_section(case)
    if subject.learned_pairs:
        section = Section("Reconstruction errors")
        section.note(
            "The autoencoder was fitted on pairs, fit(X, y), and answers what rows should become. "
            "Rows cannot be compared with that."
        )
        yield section
    else:
        yield columns_section(case)
        yield outliers_section(case) if subject.kind == "outliers" else unusual_section(case)
    if subject.kind != "outliers":
        yield codes_section(case)
    if reference is not None:
        yield drift_section(case, reference)


def _check_reference(subject: Subject, reference: Any) -> None:
    """Refuse a reference that the estimator cannot be tested against."""
    if reference is None:
        return
    if subject.kind == "drift":
        raise ValueError(
            "reference was given for a DriftDetector, which has its own from fit. Leave it out, or "
            "report on the model of the detector."
        )
    if subject.kind == "imputer":
        raise ValueError(
            "reference was given for an AutoencoderImputer, which gives neither scores nor codes "
            "that rows could be tested by. Leave it out, or report on an autoencoder."
        )
