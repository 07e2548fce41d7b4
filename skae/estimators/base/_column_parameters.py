"""The parameters of autoencoders that take tables with columns of several types."""

from collections.abc import Sequence
from numbers import Integral
from typing import Annotated, Any, Literal

from skae._compat import Interval, RealNotInt
from skae.objectives import LOSSES

from ._network_parameters import NetworkParameters
from ._parameters import POSITIVE_INT


class ColumnParameters(NetworkParameters):
    """Parameters of autoencoders whose tables may have columns of several types.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that hold categories. "from_dtype" are those of text, truth values and categories,
        in a DataFrame; a list of names or places, or a mask, chooses others. None has none, and
        refuses text.
    min_frequency : int, float or None, default=2
        Categories of fewer rows, as a number or as a share, become one, which stands for the most
        frequent of them. A category that only one row has tells nothing of others.
    max_categories : int or None, default=None
        Most categories of a column: the rarest become one.
    """

    categorical_features: Annotated[Sequence[Any], "array-like"] | Literal["from_dtype"] | None = (
        "from_dtype"
    )
    min_frequency: (
        Annotated[float, POSITIVE_INT, Interval(RealNotInt, 0, 1, closed="neither")] | None
    ) = 2
    max_categories: Annotated[int, Interval(Integral, 2, None, closed="left")] | None = None

    def _why_only_numbers(self) -> str | None:
        """Return the parameter that needs a table of numbers without gaps, None if none does."""
        loss = LOSSES.get(self.loss)
        if loss is not None and not loss.centered:
            return f"loss={self.loss!r}"
        if self.network is not None and self.network.takes_shaped_rows:
            return f"network={type(self.network).__name__}()"
        return None
