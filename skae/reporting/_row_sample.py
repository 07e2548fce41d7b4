"""Rows that a report is about, drawn at random where a table has too many."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import check_scalar

from skae._compat import num_samples
from skae.inspection import take
from skae.tables import check_in_memory

# Most cells, and fewest rows, of a sample: reports hold rows and reconstructions as dense numbers.
_MOST_CELLS, _FEWEST_ROWS = 2**22, 100


class RowSampler:
    """Chooses rows at random while a table goes by, whole or in chunks.

    Each row has a random key, and those with the smallest keys are kept. So the same rows are kept
    whether they come at once or in chunks.

    Parameters
    ----------
    max_samples : int or None
        Most rows to keep, at least 2. None keeps all.
    n_columns : int
        Columns of the table; of wide tables fewer rows are kept.
    seed : int
        Determines the keys.

    Attributes
    ----------
    places : ndarray of shape (n_kept,)
        The places of the rows that are kept, in order.
    n_rows : int
        Number of rows that have gone by.
    """

    def __init__(self, max_samples: int | None, n_columns: int, seed: int) -> None:
        self._n_most = np.inf
        if max_samples is not None:
            check_scalar(max_samples, "max_samples", Integral, min_val=2)
            self._n_most = min(max_samples, max(_FEWEST_ROWS, _MOST_CELLS // max(n_columns, 1)))
        self._rng = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self.places = np.empty(0, dtype=int)
        self.n_rows = 0

    def add(self, n_new: int) -> tuple[np.ndarray, np.ndarray]:
        """Choose among the rows that were kept and new ones.

        Parameters
        ----------
        n_new : int
            Number of new rows.

        Returns
        -------
        kept : ndarray of int
            Which of the rows that were kept before stay.
        chosen : ndarray of int
            Which of the new rows are kept.
        """
        n_before = len(self._keys)
        keys = np.append(self._keys, self._rng.random(n_new))
        places = np.append(self.places, np.arange(self.n_rows, self.n_rows + n_new))
        stay = np.arange(len(keys))
        if len(keys) > self._n_most:
            stay = np.sort(np.argpartition(keys, int(self._n_most))[: int(self._n_most)])
        self._keys, self.places = keys[stay], places[stay]
        self.n_rows += n_new
        return stay[stay < n_before], stay[stay >= n_before] - n_before


@dataclass(frozen=True, eq=False)
class RowSample:
    """Some rows of a table.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame}
        The rows.
    places : ndarray of shape (n_drawn,)
        Their places in the table.
    n_rows : int
        Number of rows of the table.
    """

    X: Any
    places: np.ndarray
    n_rows: int

    @classmethod
    def draw(cls, X: Any, name: str, max_samples: int | None, seed: int) -> Self:
        """Return at most so many rows of a table.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame}
            The table.
        name : str
            What error messages call it.
        max_samples : int or None
            Most rows to draw.
        seed : int
            Determines which.

        Returns
        -------
        sample : RowSample
            The rows that are drawn.
        """
        if X is None:
            raise TypeError(f"{name} is None, and a report is about rows. Give a table of them.")
        check_in_memory(X, f"{name} of a report")
        n_rows = num_samples(X)
        if n_rows == 0:
            raise ValueError(f"{name} has no rows, and there is nothing to report on.")
        n_columns = int(np.prod(getattr(X, "shape", np.shape(X))[1:]))
        sampler = RowSampler(max_samples, n_columns, seed)
        _, chosen = sampler.add(n_rows)
        return cls(take(X, chosen), sampler.places, n_rows)

    @property
    def n_drawn(self) -> int:
        """Number of rows that are drawn."""
        return len(self.places)

    @property
    def in_words(self) -> str:
        """Say how many rows there are, and whether all are drawn."""
        if self.n_drawn == self.n_rows:
            return f"{self.n_rows:,} row{'s' * (self.n_rows != 1)}"
        return f"a random sample of {self.n_drawn:,} of {self.n_rows:,} rows"
