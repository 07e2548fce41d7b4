"""Parameters and scores of autoencoders that take tables with columns of several types."""

from typing import Any

import pandas as pd

from skae.engine import torch_defaults
from skae.objectives import LOSSES
from skae.tables import column_names, index_of, validate_new_rows

from ._fitted_network import FittedNetwork
from ._network_parameters import NetworkParameters
from ._parameters import CategoricalFeatures, MaxCategories, MinFrequency


class ColumnParameters(NetworkParameters, FittedNetwork):
    """Base of autoencoders whose tables may have columns of several types.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that hold categories. "from_dtype" are those of text, truth values and categories,
        in a DataFrame; a list of names or places, or a mask, chooses others. None has none. Text
        and categories that are not chosen are refused, and truth values are then numbers.
    min_frequency : int, float or None, default=2
        Categories of fewer rows, as a number or as a share, become one, which stands for the most
        frequent of them. A category that only one row has tells nothing of others.
    max_categories : int or None, default=None
        Most categories of a column: the rarest become one.
    """

    categorical_features: CategoricalFeatures = "from_dtype"
    min_frequency: MinFrequency = 2
    max_categories: MaxCategories = None

    @torch_defaults()
    def score_columns(self, X: Any) -> pd.DataFrame:
        """Return how ordinary each cell of rows is: which column makes a row unusual.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : DataFrame of shape (n_samples, n_features)
            Minus the reconstruction loss of each cell, with the names of the columns and the index
            of `X`. NaN where there is no value. The mean over the others of a row is its
            :meth:`score_samples`; columns of categories that say the same count as one. In a table
            with columns of several types the losses are relative: -1 is the mean of an answer that
            is the same for all rows.
        """
        rows, _ = validate_new_rows(self, X, "score_columns")
        scores = self._scores_of(rows, self.net_.criterion_.cell_losses, (self.n_features_in_,))
        names = column_names(self, self.n_features_in_)
        return pd.DataFrame(scores.cpu().numpy(), columns=names, index=index_of(X))

    def _why_only_numbers(self) -> str | None:
        """Return the parameter that needs a table of numbers without gaps, None if none does."""
        loss = LOSSES.get(self.loss)
        if loss is not None and not loss.centered:
            return f"loss={self.loss!r}"
        if self.network is not None and self.network.takes_shaped_rows:
            return f"network={type(self.network).__name__}()"
        return None
