"""``skae report``."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from skae._extras import require
from skae.reporting import RowSample, RowSampler, Subject, report_on_samples

from ._cell_types import words_of
from ._features import Features
from ._model_files import load_model
from ._options import NO_TRUST, PLAIN, CsvOptions, TrustOptions
from ._reading import check_table, chunks_of
from ._writing import check_out


def report(
    model: Path,
    data: Path,
    /,
    *,
    out: Path,
    reference: Path | None = None,
    max_samples: int = 10_000,
    random_state: int = 0,
    trusted: TrustOptions = NO_TRUST,
    csv: CsvOptions = PLAIN,
) -> None:
    """Write a page about a model and the rows of a table, in one HTML file that opens anywhere.

    It shows what the model is, its training, the errors of the columns, unusual rows and why they
    are so, the codes, and what a detector, a classifier or an imputer answers.

    Parameters
    ----------
    model
        File of a fitted model.
    data
        CSV or Parquet file, best of rows that the model was not fitted on, or - for CSV from the
        standard input.
    out
        File for the page, ending in .html.
    reference
        CSV or Parquet file of earlier rows, held out from training. The page says whether the rows
        have drifted away from them.
    max_samples
        Most rows of each table, drawn at random; the page says so.
    random_state
        Seed that determines these rows. The same one makes the same page.
    """
    check_out(out, ".html")
    for path in (data, reference):
        if path is not None:
            check_table(path, csv)
    # Without the extra large files would be read for nothing.
    for module in ("jinja2", "matplotlib"):
        require(module, "report")
    # There may be no screen.
    require("matplotlib", "report").use("agg")
    estimator = load_model(model, trusted)
    subject = Subject.of(estimator)
    draw = partial(
        _sample_of, estimator, subject, max_samples=max_samples, seed=random_state, csv=csv
    )
    sample, earlier = draw(data), None
    if reference is not None:
        try:
            earlier = draw(reference)
        except ValueError as error:
            raise ValueError(f"--reference is {reference}: {error}") from error
    made = report_on_samples(estimator, sample, earlier, random_state=random_state)
    made.save(out)
    print(f"{out}: {subject.name}, {sample.in_words}, {out.stat().st_size:,} bytes")


def _sample_of(
    estimator: Any, subject: Subject, path: Path, *, max_samples: int, seed: int, csv: CsvOptions
) -> RowSample:
    """Return some rows of a file, which is read in chunks."""
    # A detector of drift takes what its model does.
    inner = subject.last.model if subject.kind == "drift" else estimator
    features_of = Features(path, inner)
    # Windows are cut from all rows in their order.
    n_most = None if subject.cuts is not None else max_samples
    rows: Any = None
    for chunk in chunks_of(path, csv=csv, words=words_of(inner)):
        features = features_of(chunk)
        if rows is None:
            rows, sampler = features[:0], RowSampler(n_most, features.shape[1], seed)
        kept, chosen = sampler.add(len(features))
        rows = pd.concat([one for one in (rows.iloc[kept], features.iloc[chosen]) if len(one)])
    X = rows if hasattr(inner, "feature_names_in_") else rows.to_numpy()
    if subject.cuts is not None:
        return RowSample.draw(subject.cuts.transform(X), str(path), max_samples, seed)
    return RowSample(X, sampler.places, sampler.n_rows)
