"""The parameters of autoencoders that take any network."""

from numbers import Real
from typing import Annotated

from sklearn.base import clone

from skae._compat import Interval
from skae.networks import DenseNetwork, Network

from ._fit_decisions import resolve_hidden_layer_sizes
from ._parameters import AutoencoderParameters


class NetworkParameters(AutoencoderParameters):
    """Parameters of autoencoders that take other networks than the dense one.

    Parameters
    ----------
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
