"""The rows of a report, and what the estimator makes of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skae._fitted import reconstruct
from skae.inspection import (
    Cells,
    RowKind,
    as_array,
    codes_of,
    kind_of_rows,
    names_of_columns,
    read_cells,
)

from ._row_sample import RowSample
from ._subject import Subject


@dataclass(frozen=True, eq=False)
class Case:
    """An estimator and some rows; what it makes of them is computed once."""

    subject: Subject
    sample: RowSample
    seed: int

    @cached_property
    def before_last(self) -> Any:
        """The rows as the last step sees them."""
        return self.subject.before_last(self.sample.X)

    @cached_property
    def decoder(self) -> Any:
        """The estimator that encodes and decodes `rows`."""
        subject = self.subject
        return subject.encoder if subject.decodes_to_caller else subject.autoencoder

    @property
    def rows(self) -> Any:
        """The rows, the caller's where they can be decoded, or else as the last step sees them."""
        return self.sample.X if self.subject.decodes_to_caller else self.before_last

    @cached_property
    def row_kind(self) -> RowKind:
        """Whether rows are images, signals or rows of a table."""
        return kind_of_rows(self.decoder, self.rows, "auto", None)

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns of `rows`."""
        shape = getattr(self.rows, "shape", np.shape(self.rows))
        return names_of_columns(self.decoder, self.rows, int(np.prod(shape[1:])))

    @cached_property
    def codes(self) -> np.ndarray:
        """The codes of the rows."""
        return codes_of(self.subject.encoder, self.sample.X)

    @cached_property
    def reconstructed(self) -> Any:
        """The rows, encoded and decoded."""
        return reconstruct(self.decoder, self.rows)

    @cached_property
    def cells(self) -> Cells:
        """The rows and their reconstructions, cell by cell."""
        return read_cells(self.rows, self.reconstructed)

    @cached_property
    def frames(self) -> list[pd.DataFrame]:
        """The rows and their reconstructions as tables of pandas."""
        return self.cells.frames(self.names)

    @cached_property
    def differences(self) -> np.ndarray:
        """Reconstructed cells minus cells; of categories 1 if they differ. NaN for gaps."""
        return self.cells.differences()

    @cached_property
    def scores(self) -> np.ndarray:
        """The scores of the rows: low ones are unusual."""
        if self.subject.kind == "outliers":
            return self.subject.last.score_samples(self.before_last)
        return as_array(self.subject.encoder.score_samples(self.sample.X)).astype(float)

    def unusual(self, n_most: int) -> np.ndarray:
        """Return the places in the sample of the most unusual rows, the worst first."""
        # A row that has no score tells nothing.
        order = np.argsort(np.nan_to_num(self.scores, nan=np.inf, neginf=-np.inf), kind="stable")
        return order[:n_most]

    def name_of_row(self, place: int) -> str:
        """Return the place of a row in the caller's table, and its label if that differs."""
        true_place = int(self.sample.places[place])
        index: Any = getattr(self.sample.X, "index", None)
        # Lists and tables of polars have something else of that name.
        label = index[place] if hasattr(index, "get_loc") else true_place
        return str(true_place) if label == true_place else f"{true_place} ({label})"
