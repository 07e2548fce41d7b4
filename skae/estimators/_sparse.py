"""The sparse autoencoder."""

from dataclasses import field
from numbers import Real
from typing import Annotated, Any, Literal

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

from skae._compat import Interval, StrOptions
from skae._typing import ArrayOf
from skae.engine import TrainingRows
from skae.networks import (
    Autoencoder,
    BatchTopKLatent,
    Latent,
    LogisticLatent,
    RectifiedLatent,
    TopKLatent,
    start_active,
    start_tied,
)
from skae.objectives import ReconstructionObjective
from skae.objectives._kl_sparsity import KLSparsity, TargetActivationObjective
from skae.objectives._sparsity import L1Sparsity, UnitColumnsObjective, UnusedUnitBoost
from skae.tables import as_tensor, caller_type

from .base import (
    POSITIVE_INT,
    BaseAutoencoder,
    ColumnParameters,
    LayerSizes,
    NonNegative,
    Positive,
    PositiveInt,
    fitted,
)

# Units at most for n_components="auto".
_MOST_UNITS = 2000

# Strengths for penalty_strength="auto".
_STRENGTHS = {"l1": 1.0, "kl": 10.0}

# A drawn code moves by the share `_STEP` of the difference between two of its nearest codes.
_STEP, _NEIGHBORS = 0.5, 20


class SparseAutoencoder(ColumnParameters, BaseAutoencoder):
    """Autoencoder with wide codes of which few values are active in a row.

    Each unit of the code stands for a part that some rows have, and few parts make up a row.
    Without hidden layers this is sparse coding with a learned encoder: the columns of the
    decoder's weight are the parts. :meth:`transform` returns the codes that the decoder reads and
    the penalty applies to, without standardising them: zero or more, with exact zeros, or in
    (0, 1) for ``penalty="kl"``.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Units of the code, usually more than features. "auto" is twice the number of features, and
        no more than 2000.
    penalty : {"top_k", "batch_top_k", "l1", "kl"}, default="top_k"
        The mechanism that makes codes sparse.

        - "top_k" keeps the `n_nonzero_coefs` largest values of each row and makes the others zero
          (Makhzani and Frey, 2013). It is the default because it sets the sparsity directly and
          shrinks nothing: on held-out digits it left 0.14 of the variance with 8 values a row,
          "l1" 0.25 at the same number.
        - "batch_top_k" keeps as many on average over a batch, so that rows may differ in number;
          new rows keep the values above a threshold that training learned (Bussmann et al.,
          2024). It left 0.13, with 9.6 values in a new row.
        - "l1" penalises the sum of the activations, each times the norm of the unit's column of
          the decoder; without this norm codes would shrink and the decoder grow. The penalty
          warms up over the first 5% of the steps.
        - "kl" keeps activations in (0, 1), and brings the mean of each unit to
          `target_activation` (Ng, 2011). Nothing is exactly zero.
    n_nonzero_coefs : int or "auto", default="auto"
        Values that "top_k" keeps in a row at most, and "batch_top_k" on average. "auto" is the
        square root of the number of features, rounded up: as many values as the default code
        of :class:`AutoencoderTransformer` has for a table of enough rows. Ignored for other
        penalties.
    penalty_strength : float or "auto", default="auto"
        Factor of the "l1" or "kl" penalty. The objective is the loss, summed over the features of
        the data scaled to unit mean variance, plus this factor times the penalty, summed over the
        units, both divided by the number of features. With "l1" an activation below about half
        the factor vanishes, in units of the root mean variance. "auto" is 1 for "l1". For "kl"
        it adapts: a Lagrange multiplier for each unit grows until the mean is at its target, and
        `fit` ends with the bias that reaches it exactly. A number is a fixed factor; means then
        rest where reconstruction and penalty balance: with 10 and 64 units on 6,000 digits of
        28 x 28, at 0.13 for a target of 0.05. Losses other than the squared error have another
        size: try 0.1 for "l1" with "log_loss". Ignored for other penalties.
    target_activation : float, default=0.05
        Target of "kl" for the mean activation of each unit, in (0, 1); Ng's choice. Ignored for
        other penalties.
    hidden_layer_sizes : tuple of int or int, default=()
        Widths of the encoder's hidden layers, from the input to the code; the decoder
        mirrors them. ``()``, one layer each, is classical sparse coding, whose units can be
        inspected: the columns of ``net_.module_.dictionary`` are what each adds to a row.
    init : {"random"}, default="random"
        Where training starts: always random weights, as PCA does not suit codes that are wider
        than the data and mostly zero. The other estimators have another choice. For "top_k",
        "batch_top_k" and "l1" the last layer of the encoder starts as the transposed first layer
        of the decoder; for "kl" units start near their target.
    learning_rate_init : float, default=1e-2
        Learning rate, or the highest one of a schedule. One layer takes larger steps than a
        deep network: with top-k codes half of it left 3% more error on the digits; twice of
        it left the same error and more dead units.
    n_iter_no_change : int, default=20
        Epochs without improvement after which training stops. At the highest rates the objective
        stagnates for longer than that of a short code: with ten epochs, "l1" stopped halfway on
        28 x 28 digits, with three times as many active values.

    Attributes
    ----------
    mean_activation_ : {ndarray, tensor} of shape (n_components_,)
        Mean of each code over the training rows (of the last call), with their weights.
    dead_fraction_ : float
        Share of the units that are never active on these rows: always exactly zero, or, for
        ``penalty="kl"``, always the same up to rounding.

    See Also
    --------
    AutoencoderTransformer : Short codes in place of sparse ones.
    sklearn.decomposition.MiniBatchDictionaryLearning : Sparse codes by an optimisation a row.
    sklearn.decomposition.NMF : Parts that are not negative.

    Notes
    -----
    Units of a top-k code that are never chosen would stay dead, as they get no gradient. A turn is
    as many rows as all units need to be chosen once. A unit that missed a turn counts twice as much
    in the choice with each further turn (a conscience, DeSieno, 1988), until some row chooses it.
    In a code of 512 units with 8 values a row, fitted on 1300 digits, 2% stay dead; without the
    conscience 42% do, and the error of held-out rows is 6% higher. (On 10,000 images of 784
    pixels, 1000 units, 0.2% against 42%, and an error 4% lower.) The auxiliary loss of Gao et
    al. (2024) left 42% on the digits, and keeping more values at the start of training made the
    error higher. As in Gao et al. the decoder's first layer has columns of unit norm, and only
    positive values are kept.

    Weights count in all penalties. "batch_top_k" counts rows whatever their weights, and so does
    the turn where a batch is too small for one. The mean of "kl" is that of a batch, in training
    and in `loss_`; the final bias of `fit` comes from all rows. `partial_fit` leaves means to the
    multipliers, as a chunk may differ from the others.

    :meth:`sample` does not fit a Gaussian mixture, as codes are mostly zero. It draws one of 5000
    kept codes, adds half the difference of two of its 20 nearest neighbours, and makes the sum a
    valid code: on the digits, for every penalty, this is nearer to held-out rows than the mixture.

    References
    ----------
    B. Bussmann, P. Leask and N. Nanda, 2024. BatchTopK sparse autoencoders. arXiv:2412.06410.

    D. DeSieno, 1988. Adding a conscience to competitive learning. International Conference on
    Neural Networks.

    L. Gao et al., 2024. Scaling and evaluating sparse autoencoders. arXiv:2406.04093.

    A. Makhzani and B. Frey, 2013. k-sparse autoencoders. arXiv:1312.5663.

    A. Ng, 2011. Sparse autoencoder. Lecture notes of Stanford's CS294A.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAutoencoder
    >>> X = load_digits().data[:500]
    >>> ae = SparseAutoencoder(n_nonzero_coefs=6, max_iter=20, random_state=0).fit(X)
    >>> codes = ae.transform(X)
    >>> codes.shape
    (500, 128)
    >>> int((codes != 0).sum(axis=1).max())
    6
    >>> bool(-ae.score(X) < 0.2 * X.var(axis=0).mean())
    True
    """

    n_components: Annotated[int | str, StrOptions({"auto"}), POSITIVE_INT] = field(
        default="auto", kw_only=False
    )
    penalty: Literal["top_k", "batch_top_k", "l1", "kl"] = "top_k"
    n_nonzero_coefs: Annotated[int | str, StrOptions({"auto"}), POSITIVE_INT] = "auto"
    penalty_strength: Literal["auto"] | NonNegative = "auto"
    target_activation: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.05
    hidden_layer_sizes: LayerSizes = ()
    init: Literal["random"] = "random"
    learning_rate_init: Positive = 1e-2
    n_iter_no_change: PositiveInt = 20

    mean_activation_: Annotated[Any, ArrayOf("float", "n_components_")] = fitted()
    dead_fraction_: float = fitted()

    _codes_have_a_scale = True
    _draws_from = "codes"
    _fixed_parameters = ("penalty", "n_nonzero_coefs")

    def _n_components_wanted(self, n_samples: int) -> int:
        if isinstance(self.n_components, str):
            return min(2 * self.n_features_in_, _MOST_UNITS)
        return int(self.n_components)

    def _n_nonzero(self) -> int:
        k, n_components = self.n_nonzero_coefs, self.n_components_
        if isinstance(k, str):
            return min(int(np.ceil(np.sqrt(self.n_features_in_))), n_components)
        if k > n_components:
            raise ValueError(
                f"n_nonzero_coefs={k} is more than the code has values: n_components="
                f"{self.n_components!r} makes {n_components}. Lower it, or raise n_components."
            )
        return int(k)

    def _make_latent(self) -> Latent:
        if self.penalty == "top_k":
            return TopKLatent(self._n_nonzero())
        if self.penalty == "batch_top_k":
            return BatchTopKLatent(self._n_nonzero())
        return LogisticLatent() if self.penalty == "kl" else RectifiedLatent()

    def _build_module(self, seed: int) -> Autoencoder:
        module = super()._build_module(seed)
        if self.penalty == "kl":
            start_active(module, self.target_activation)
            return module
        if self.penalty == "l1" and module.dictionary is None:
            raise ValueError(
                f"penalty='l1' weighs activations by the norms of the linear layer that the "
                f"decoder begins with, and the decoder of network={self.network!r} begins with "
                f"another layer. Use penalty='top_k', or begin with a linear layer."
            )
        start_tied(module)
        return module

    def _make_objective(self, seed: int) -> ReconstructionObjective:
        kind = ReconstructionObjective
        if self.penalty in ("top_k", "batch_top_k"):
            kind = UnitColumnsObjective
        elif self.penalty == "kl" and self.penalty_strength == "auto":
            kind = TargetActivationObjective
        term = self._make_code_term(seed)
        return kind(self._make_heads(), self._make_weight_penalty(), code_term=term)

    def _make_code_term(self, seed: int) -> nn.Module:
        if self.penalty in ("top_k", "batch_top_k"):
            return UnusedUnitBoost(self.n_components_)
        strength = self.penalty_strength
        auto = isinstance(strength, str)
        strength = _STRENGTHS[self.penalty] if isinstance(strength, str) else strength
        strength = strength / self._table.n_outputs
        if self.penalty == "l1":
            return L1Sparsity(strength)
        return KLSparsity(strength, self.target_activation, self.n_components_, auto)

    def _describe_fit(self, rows: TrainingRows, whole_fit: bool) -> None:
        _, mean, variance = self.net_.code_moments_
        logistic = isinstance(self.net_.module_.latent, LogisticLatent)
        dead = variance == 0 if logistic else mean == 0
        # In the kind and on the device of the other fitted arrays.
        mean = torch.as_tensor(mean).to(as_tensor(self.mean_))
        self.mean_activation_ = caller_type(self.mean_).to_caller(mean)
        self.dead_fraction_ = float(dead.mean())

    def _draw_codes(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        kept, share = self._kept_codes()
        chosen = kept[rng.choice(len(kept), n_samples, p=share)]
        # The nearest of all is the code itself.
        n_nearest = min(_NEIGHBORS + 1, len(kept))
        nearest = NearestNeighbors(n_neighbors=n_nearest, algorithm="brute").fit(kept)
        nearest = nearest.kneighbors(chosen, return_distance=False)
        places = rng.randint(min(1, n_nearest - 1), n_nearest, size=(2, n_samples))
        one, other = (kept[nearest[np.arange(n_samples), place]] for place in places)
        return self._as_codes(chosen + _STEP * (one - other))

    @torch.no_grad()
    def _as_codes(self, values: np.ndarray) -> np.ndarray:
        """Return valid codes near any values."""
        module = self.net_.module_
        if isinstance(module.latent, LogisticLatent):
            return values.clip(0, 1)
        # The latent leaves codes as they are.
        codes = module.latent(torch.as_tensor(values).to(module.code_mean))
        return codes.cpu().double().numpy()
