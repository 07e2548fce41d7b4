"""The fitted attributes that autoencoders share."""

import math
from typing import Annotated, Any

import numpy as np

from skae._typing import AnyFloat, ArrayOf
from skae.engine import AutoencoderNet
from skae.networks import Network
from skae.objectives import TableLoss
from skae.tables import CallerFrame, CountTable, MixedTable, NumericTable

from ._callback_params import CallbackParams
from ._declared_parameters import fitted
from ._parameter_errors import ParameterErrorsMixin
from ._parameters import Positive

_OfCodes = Annotated[np.ndarray, ArrayOf("float", "n_components_")]
_CodeSample = tuple[
    Annotated[Any, ArrayOf("float", "n_codes", "n_components_")],
    Annotated[Any, ArrayOf("float", "n_codes")],
]
_Mixture = tuple[
    Annotated[np.ndarray, ArrayOf("float", "n_kinds")],
    Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_")],
    Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_", "n_components_")]
    | Annotated[np.ndarray, ArrayOf("float", "n_kinds", "n_components_")],
]


class FittedAttributes(ParameterErrorsMixin, CallbackParams):
    """Parameters and fitted attributes of an autoencoder.

    Attributes
    ----------
    n_components_ : int
        Width of the code.
    mean_ : {ndarray, tensor} of shape (n_features,)
        Subtracted from the rows before training.
    scale_ : float
        Divisor of the centred rows. 1 for a table with categories or gaps, each column of which
        is divided by its own standard deviation.
    network_ : Network
        Description of the network that was trained.
    has_linear_path_ : bool
        Whether encoder and decoder have a linear path beside the deep one.
    net_ : skorch.NeuralNet
        The trained net: ``net_.module_`` is the torch module, ``net_.history`` the record of
        each epoch, in the unit of the scaled data. Its own ``predict`` does not scale; use the
        estimator's methods.
    n_iter_ : int
        Number of epochs since the last cold start.
    loss_ : float
        The objective over all training rows with the weights that were kept, in the unit
        of the data.
    loss_curve_ : list of float
        The mean objective over the training rows during each epoch.
    validation_loss_curve_ : list of float or None
        The objective over the held-out rows after each epoch; None if no rows were held out.
    best_validation_loss_ : float or None
        The objective over the held-out rows with the weights that were kept, which may be those
        of the start. None if the last call held no rows out.
    column_losses_ : dict of {str: float} or None
        Of a table with columns of several types or with gaps, the loss of each column over the
        training rows, or a thousand of them, with the weights that were kept: 1 is the loss of an
        answer that is the same for all rows. ``net_.history[:, "valid_column_age"]`` are those of
        a column "age" over the held-out rows after each epoch, or ``"train_column_age"`` those of
        the training rows if none are held out.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` had names that are all strings.
    """

    n_features_in_: int = fitted()
    n_components_: int = fitted()
    network_: Network = fitted()
    has_linear_path_: bool = fitted()
    mean_: Annotated[Any, ArrayOf("float", "n_features_in_")] = fitted()
    scale_: Positive = fitted()
    net_: AutoencoderNet = fitted()
    loss_: AnyFloat = fitted()
    loss_curve_: list[AnyFloat] = fitted()
    validation_loss_curve_: list[AnyFloat] | None = fitted()
    best_validation_loss_: AnyFloat | None = fitted()
    n_iter_: int = fitted()
    column_losses_: dict[str, AnyFloat] | None = fitted(optional=True, default=None)
    # The shape of a row in arrays of more than two dimensions, and the parameters of the fit.
    _row_shape: tuple[int, ...] | None = fitted()
    _fitted_params: dict[str, Any] = fitted()
    # The columns of a table of several types or with gaps, and what was learned of them.
    _frame: CallerFrame | None = fitted(optional=True, default=None)
    _mixed: MixedTable | None = fitted(optional=True, default=None)
    # Depth, means and scale of a table of counts, for the losses of counts.
    _counts: CountTable | None = fitted(optional=True, default=None)
    # The means of the columns of rows of numbers of one scale that have gaps.
    _means: Annotated[np.ndarray, ArrayOf("float", "n_features_in_")] | None = fitted(
        optional=True, default=None
    )
    # After a fit of pairs, the table of the targets. None: the decoder answers the rows themselves.
    _target: NumericTable | MixedTable | None = fitted(optional=True, default=None)
    # Weight, mean and variance of the codes of the training rows; some of these codes and their
    # weights; the mixture that is fitted on them: weights, means, roots of covariances.
    _code_moments: tuple[Positive, _OfCodes, _OfCodes] = fitted()
    _some_codes: _CodeSample | None = fitted()
    _mixture: _Mixture | None = fitted()
    # Whether training rows differ from each other; set only where they do not.
    _rows_differ = True

    def _check_consistency(self) -> None:
        """Raise a ValueError for fitted attributes, from a file, that do not fit together."""
        if self._row_shape is not None and math.prod(self._row_shape) != self.n_features_in_:
            raise ValueError(
                f"rows of shape {self._row_shape} have not n_features_in_={self.n_features_in_} "
                f"values"
            )
        if self._counts is not None and len(self._counts.means) != self.n_features_in_:
            raise ValueError(
                f"the {len(self._counts.means)} columns of counts are not "
                f"n_features_in_={self.n_features_in_}"
            )
        if self._mixture is not None:
            shares = self._mixture[0]
            if (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
                raise ValueError("the shares of the mixture do not sum up to one")
        if self._some_codes is not None:
            weights = self._some_codes[1]
            if (weights < 0).any() or not weights.sum() > 0:
                raise ValueError("the weights of the kept codes are no weights")

    @property
    def _fitted_loss(self) -> TableLoss:
        """The loss of the fit, whatever parameters were set since."""
        return self.net_.criterion_.heads[0].loss

    def _loss_unit(self) -> float:
        """Return the factor that turns a loss of scaled rows into one of the data."""
        return self._unit_of_answers**self._fitted_loss.scale_power

    @property
    def _unit_of_answers(self) -> float:
        """The unit of what the decoder answers; 1 where each column has its own."""
        table = self._answers
        return table.scale if isinstance(table, NumericTable) else 1.0

    def _in_data_units(self, objective: float) -> float:
        """Return a value of the objective, which is one of scaled rows, as one of the data."""
        return objective * self._loss_unit()

    @property
    def _n_classes(self) -> int:
        """The classes that the decoder sees beside a code; none, but for conditional ones."""
        return 0

    @property
    def _table(self) -> NumericTable | MixedTable:
        """The translation of the caller's rows into inputs, and of outputs into rows."""
        return self._mixed or NumericTable(self.mean_, self.scale_, self._means)

    @property
    def _answers(self) -> NumericTable | MixedTable:
        """The table that outputs of the decoder are rows of: another one after a fit of pairs."""
        return self._target or self._table
