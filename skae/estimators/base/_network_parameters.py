"""The parameters of autoencoders that take any network."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Annotated, Any

from sklearn.base import clone

from skae._compat import Interval, RealNotInt, StrOptions
from skae.networks import DenseNetwork, Network

from ._fit_decisions import resolve_hidden_layer_sizes
from ._parameters import POSITIVE_INT, AutoencoderParameters


class NetworkParameters(AutoencoderParameters):
    """Parameters of autoencoders that take other networks than the dense one.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Which columns of a table hold categories. "from_dtype" are those of text, truth values and
        categories; a list of names or places, or a mask, chooses others. None refuses text.
    min_frequency : int, float or None, default=2
        Categories in fewer rows, as a number or a share, are one category together. A category
        that is seen once teaches nothing.
    max_categories : int or None, default=None
        Most categories of a column: the rarest are one category together.
    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training, in [0, 1). Zero by
        default, as held-out rows already limit overfitting.
    network : Network or None, default=None
        Description of another network. None is the dense one that `hidden_layer_sizes`,
        `activation`, `dropout` and `normalization` describe; another network ignores
        these four, with a warning if they are not the defaults. ``network__<field>`` sets a field
        of it. With a :class:`~skae.networks.ConvolutionalNetwork` for images or a
        :class:`~skae.networks.SequenceNetwork` for windows of signals, `X` may also be an array
        of three or four dimensions, and rows are returned in the shape that they came in.
    """

    categorical_features: Annotated[
        Sequence[Any] | str | None, "array-like", StrOptions({"from_dtype"}), None
    ] = "from_dtype"
    min_frequency: Annotated[
        float | None, POSITIVE_INT, Interval(RealNotInt, 0, 1, closed="neither"), None
    ] = 2
    max_categories: Annotated[int | None, Interval(Integral, 2, None, closed="left"), None] = None
    dropout: Annotated[float, Interval(Real, 0, 1, closed="left")] = 0.0
    network: Network | None = None

    def _make_network(self) -> Network:
        """Return a description of the network, without the shape of the rows."""
        if self.network is not None:
            return clone(self.network, safe=False)
        return DenseNetwork(
            hidden_layer_sizes=resolve_hidden_layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dropout=self.dropout,
            normalization=self.normalization,
        )
