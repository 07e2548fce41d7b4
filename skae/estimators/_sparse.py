"""The sparse autoencoder."""

from numbers import Integral, Real

import numpy as np
import torch

from skae._compat import Interval, StrOptions
from skae.networks import (
    BatchTopKLatent,
    LogisticLatent,
    RectifiedLatent,
    TopKLatent,
    start_active,
    start_tied,
)
from skae.objectives import (
    LOSSES,
    KLSparsity,
    L1Sparsity,
    ReconstructionObjective,
    TakingTurns,
    UnitColumnsObjective,
)

from ._base import BaseAutoencoder
from ._constraints import AUTOENCODER_CONSTRAINTS
from ._shared_docs import described_like
from ._transformer import AutoencoderTransformer

_LARGEST_AUTO = 2000


# @described_like(AutoencoderTransformer)
class SparseAutoencoder(BaseAutoencoder):
    """Autoencoder.

    Parameters
    ----------
    n_components : x
        x

    Attributes
    ----------
    x : x
        x
    """

    _standardizes_codes = False

    _parameter_constraints = AUTOENCODER_CONSTRAINTS | {
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "penalty": [StrOptions({"top_k", "batch_top_k", "l1", "kl"})],
        "n_nonzero_coefs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "penalty_strength": [Interval(Real, 0, None, closed="left")],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
        "init": [StrOptions({"random"})],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        penalty="top_k",
        n_nonzero_coefs="auto",
        penalty_strength=1.0,
        target_activation=0.05,
        hidden_layer_sizes=(),
        activation="silu",
        init="random",
        loss="squared_error",
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        normalization=None,
        network=None,
        optimizer="adam",
        learning_rate_init=1e-2,
        learning_rate="one_cycle",
        max_grad_norm=None,
        batch_size="auto",
        max_iter=50,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        device="cpu",
        precision="float32",
        callbacks=None,
        verbose=0,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            init=init,
            loss=loss,
            alpha=alpha,
            l1_ratio=l1_ratio,
            dropout=dropout,
            normalization=normalization,
            network=network,
            optimizer=optimizer,
            learning_rate_init=learning_rate_init,
            learning_rate=learning_rate,
            max_grad_norm=max_grad_norm,
            batch_size=batch_size,
            max_iter=max_iter,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            device=device,
            precision=precision,
            callbacks=callbacks,
            verbose=verbose,
        )
        self.penalty = penalty
        self.n_nonzero_coefs = n_nonzero_coefs
        self.penalty_strength = penalty_strength
        self.target_activation = target_activation

    @property
    def _is_top_k(self):
        return self.penalty in ("top_k", "batch_top_k")

    def _n_components_wanted(self):
        if self.n_components == "auto":
            return min(2 * self.n_features_in_, _LARGEST_AUTO)
        return int(self.n_components)

    def _k(self):
        if self.n_nonzero_coefs == "auto":
            return min(int(np.ceil(np.sqrt(self.n_features_in_))), self.n_components_)
        return int(self.n_nonzero_coefs)

    def _make_latent(self):
        if self.penalty == "top_k":
            return TopKLatent(self._k())
        if self.penalty == "batch_top_k":
            return BatchTopKLatent(self._k())
        return LogisticLatent() if self.penalty == "kl" else RectifiedLatent()

    def _build_module(self, seed):
        module = super()._build_module(seed)
        if self.penalty == "kl":
            start_active(module, self.target_activation)
        else:
            start_tied(module)
        return module

    def _make_objective(self):
        loss, weight_penalty = LOSSES[self.loss], self._make_weight_penalty()
        if self._is_top_k:
            term = TakingTurns(self.n_components_)
            return UnitColumnsObjective(loss, weight_penalty, code_term=term)
        strength = self.penalty_strength / self.n_features_in_
        if self.penalty == "l1":
            term = L1Sparsity(strength)
        else:
            term = KLSparsity(strength, self.target_activation)
        return ReconstructionObjective(loss, weight_penalty, code_term=term)

    def _describe_fit(self, rows):
        _, mean, variance = self.net_.code_moments_
        dead = variance == 0 if self.penalty == "kl" else mean == 0
        self.mean_activation_ = mean
        self.dead_fraction_ = float(dead.mean())
