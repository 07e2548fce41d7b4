"""The autoencoder whose components are ordered."""

from collections.abc import Iterator
from copy import deepcopy
from numbers import Integral
from typing import Annotated, Any

import numpy as np
import torch
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae._batch import Batch, total
from skae._typing import AnyFloat, ArrayOf
from skae.engine import (
    AutoencoderNet,
    TrainingRows,
    mean_output,
    net_to_state,
    torch_defaults,
    weighted_sum,
)
from skae.objectives._nested_dropout import NestedDropout, first_components, length_probabilities
from skae.tables import caller_type

from ._truncation import check_same_function, truncated_weights
from .base import (
    BaseAutoencoder,
    ColumnParameters,
    StandardizedCodes,
    fitted,
)


class NestedAutoencoder(StandardizedCodes, ColumnParameters, BaseAutoencoder):
    """Autoencoder whose components are ordered by importance, as those of PCA are.

    In training the decoder sees only the first components of each row; every batch draws their
    number anew (nested dropout: Rippel, Gelbart and Adams, 2014). The first component then holds
    what matters most, the second what matters most of the rest. One fit contains an autoencoder
    for every smaller code: :meth:`truncate` returns it without training again.

    Parameters
    ----------
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep one
        and starts at PCA's solution, which is ordered already: its first components are PCA
        with fewer of them. If the objective over the training rows ends above its start, `fit`
        goes back there. "random" is the plain network.

    Attributes
    ----------
    explained_variance_ratio_ : ndarray of shape (n_components_,) and dtype float64
        The part of the training rows' variance that each component adds to the reconstruction:
        R² with the first k components minus R² with one less. The sum is R² of the whole code.
        For losses other than "squared_error" a share of the loss of the mean row. A component
        that increases the error has a negative share.
    loss_ : float
        The objective over all training rows with the weights that were kept, in the unit of
        the data: the mean over the distribution of the number of components.
    loss_curve_ : list of float
        The mean objective over the training rows during each epoch, with the numbers of
        components that the batches drew.
    validation_loss_curve_ : list of float or None
        The objective over the held-out rows after each epoch; None if no rows were held out.

    See Also
    --------
    AutoencoderTransformer : The same without an order; better at its own width.
    sklearn.decomposition.PCA : Linear components, ordered by the variance that they explain.

    Notes
    -----
    The number of components is drawn from a geometric distribution, as in the paper. Here the
    whole code is half as likely as the first component alone, whatever its width. A component
    that is left out enters the decoder as a zero, which is its mean at the start of
    ``init="pca"``. The losses of held-out rows use the same numbers of components every time, so
    that they can be compared.

    The order increases the error, and many codes in one take longer to learn. On held-out digits
    the error of the first 1 to 8 components of eight is 1.20 to 1.39 times that of a net trained
    for that many alone in 50 epochs, and 1.00 to 1.17 times in 200 epochs without early stopping.
    Try more epochs.

    :meth:`score` and :meth:`reconstruct` use the whole code. `explained_variance_ratio_` takes one
    more pass over the rows, in which the decoder runs once for each component.

    References
    ----------
    O. Rippel, M. A. Gelbart and R. P. Adams, 2014. Learning ordered representations with
    nested dropout. International Conference on Machine Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import NestedAutoencoder
    >>> X = load_digits().data
    >>> params = {"hidden_layer_sizes": (64,), "max_iter": 20, "random_state": 0}
    >>> ae = NestedAutoencoder(n_components=8, **params).fit(X[:1000])
    >>> ae.transform(X).shape
    (1797, 8)

    One fit shows which width is enough, here for nine tenths of the variance that eight components
    explain in rows that were not seen:

    >>> scores = [ae.truncate(k).score(X[1000:]) for k in range(1, 9)]
    >>> explained = 1 + np.array(scores) / X[1000:].var(axis=0).mean()
    >>> n_components = int(np.argmax(explained >= 0.9 * explained[-1])) + 1
    >>> small = ae.truncate(n_components)
    >>> small.transform(X).shape
    (1797, 6)
    """

    explained_variance_ratio_: Annotated[Any, ArrayOf("float", "n_components_")] = fitted()
    # Losses of the mean row, of one component, of two, ...
    _losses: list[AnyFloat] = fitted()

    @torch_defaults()
    def truncate(self, n_components: int) -> "NestedAutoencoder":
        """Return the autoencoder of the first components, without training again.

        Its codes are the first columns of this one's codes. It decodes them as this one does with
        the other components left out.

        Parameters
        ----------
        n_components : int
            How many components to keep, from 1 to `n_components_`.

        Returns
        -------
        truncated : NestedAutoencoder
            A fitted estimator that shares no memory with this one. It has its own `loss_` and
            `explained_variance_ratio_`, this one's curves, and no `column_losses_`.

        Raises
        ------
        TypeError
            If `n_components` is not an integer.
        ValueError
            If it is out of range, or if layers of a `network` other than the encoder's last and
            the decoder's first depend on the number of components.
        """
        check_is_fitted(self, "net_")
        check_scalar(n_components, "n_components", Integral, min_val=1, max_val=self.n_components_)
        k = int(n_components)
        truncated = type(self).__new__(type(self))
        truncated.__dict__ = deepcopy({n: v for n, v in vars(self).items() if n != "net_"})
        truncated.n_components = truncated.n_components_ = k
        truncated._fitted_params["n_components"] = k
        n_rows, mean, variance = truncated._code_moments
        # Those of fewer components are not known without rows.
        truncated.column_losses_ = None
        truncated._code_moments = n_rows, mean[:k], variance[:k]
        truncated._keep_first_codes(k)
        truncated._losses = truncated._losses[: k + 1]
        truncated.explained_variance_ratio_ = truncated.explained_variance_ratio_[:k]
        net = net_to_state(self.net_)
        module = truncated._build_module(net["seed"])
        net["weights"] = truncated_weights(net["weights"], module, self.n_components_)
        # The optimizer's moments are those of the whole network.
        for optimizer in net["optimizers"]:
            optimizer["state"] = {}
        truncated._restore_net(net)
        check_same_function(truncated.net_.module_, self.net_.module_, self._table.n_columns)
        truncated._set_loss()
        return truncated

    def _check_consistency(self) -> None:
        super()._check_consistency()
        if len(self._losses) != self.n_components_ + 1:
            raise ValueError(
                f"there are {len(self._losses)} losses, of 0 to n_components_={self.n_components_} "
                f"components"
            )

    def _make_code_term(self, seed: int) -> NestedDropout:
        return NestedDropout(self.n_components_)

    @torch.no_grad()
    def _describe_fit(self, rows: TrainingRows, whole_fit: bool) -> None:
        net = self.net_
        module, row_losses = net.module_, net.criterion_.row_losses
        constant = mean_output(net, rows)

        def losses_of(batch: Batch) -> Iterator[torch.Tensor]:
            codes, expected = module.latent(module.encoder(batch.x)), batch.expected
            yield row_losses(constant.to(expected).expand(len(expected), -1), expected)
            for k in range(1, self.n_components_ + 1):
                yield row_losses(module.decoder(first_components(codes, k)), expected)

        losses = total(
            weighted_sum(torch.stack([*losses_of(batch)], dim=1), batch.weight)
            for batch in net.get_iterator(rows)
        )
        # The losses of the mean row, of one component, of two, ...
        self._losses = (losses / len(rows)).tolist()
        # Constant rows have no variance to explain.
        whole = losses[0] if losses[0] > 0 else np.inf
        shares = -losses.diff() / whole
        self.explained_variance_ratio_ = caller_type(self.mean_).to_caller(shares)

    def _set_curves(self, net: AutoencoderNet, whole_fit: bool) -> None:
        super()._set_curves(net, whole_fit)
        self._set_loss()

    @torch.no_grad()
    def _set_loss(self) -> None:
        """Set `loss_` to the mean objective over all lengths that nested dropout may draw."""
        reconstruction = length_probabilities(self.n_components_).numpy() @ self._losses[1:]
        objective = self.net_.criterion_
        penalties = objective.weight_penalty(self.net_.module_).values()
        self.loss_ = self._in_data_units(float(reconstruction) + sum(map(float, penalties)))
