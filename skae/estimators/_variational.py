"""The variational autoencoder."""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_scalar

from skae._batch import Batch
from skae._compat import Interval
from skae._typing import AnyFloat, ArrayOf
from skae._warnings import warn_caller
from skae.engine import TrainingRows, torch_defaults
from skae.networks import Autoencoder, GaussianLatent
from skae.objectives._bounds import balanced_draws, evidence_lower_bound, importance_weighted_bound
from skae.objectives._class_discrepancy import ClassDiscrepancy
from skae.objectives._column_likelihoods import ColumnVariationalObjective
from skae.objectives._variational import (
    LEAST_NOISE,
    GaussianNoise,
    PosteriorDraw,
    VariationalObjective,
)
from skae.tables import CallerType, PrincipalComponents, validate_new_rows

from ._variational_samples import VariationalSamples
from .base import NonNegative, Positive, column_likelihoods, fitted, start_at_probabilistic_pca

# Draws are in memory at once.
_MOST_DRAWS = 1_000_000

# The errors of this many cells give the noise variance to half a percent.
_ENOUGH_CELLS = 100_000

# Rows that are decoded together then: fewer take longer, more need more memory.
_ROWS_AT_ONCE = 10_000

# A component whose posterior mean varies less over the data tells nothing (Burda et al., 2016).
_ACTIVE = 1e-2


class VariationalAutoencoder(VariationalSamples):
    """Autoencoder with a probability for every row: generates, and scores in nats.

    The encoder gives each row a normal posterior over codes, the decoder a likelihood. Training
    maximises a lower bound of the log-likelihood of the rows (Kingma and Welling, 2014).
    :meth:`transform` returns the mean of the posterior, :meth:`sample` decodes codes drawn from
    the standard normal prior, and :meth:`score_samples` returns log-likelihoods that compare
    with those of PCA and of GaussianMixture. Without hidden layers this is probabilistic PCA.

    Parameters
    ----------
    noise_variance : "learned" or float, default="learned"
        For ``loss="squared_error"``, variance of the normal noise around the decoder's output,
        the same for all features, in the squared unit of the data. "learned" follows the error
        of the batches, which balances reconstruction and prior without a parameter (Rybkin et
        al., 2021), and ends as the error of all rows. Ignored for other losses. In a table with
        columns of several types or with gaps, each column of numbers has a noise of its own, and a
        number that is given is in units of the variance of each.
    beta : float, default=1.0
        Weight of the divergence from the prior in training. One gives the bound; more gives
        simpler codes, less gives sharper reconstructions (Higgins et al., 2017).
    kl_warm_up : float, default=0.1
        Share of the planned steps in which `beta` grows from zero, in [0, 1], so that the network
        uses its codes before the divergence weighs on them. More than 0.3 leaves too few steps
        for the bound itself. `partial_fit` and warm starts have no warm-up.
    free_bits : float, default=0.0
        Divergence of each component, averaged over a batch, that is free of charge, in nats
        (Kingma et al., 2016). A tenth keeps components in use that would switch off.
    n_draws : int, default=50
        Codes that :meth:`score_samples` and :meth:`elbo` draw for each row, each with a pass
        through the decoder; at most a million. More of them make the bound of `score_samples`
        tighter; with fewer than twice the width of the code its error grows.
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep one
        and starts at probabilistic PCA (Tipping and Bishop, 1999), whose bound is tight. If the
        objective over the training rows ends above its start, `fit` goes back there. "random"
        is the plain network.
    loss : {"squared_error", "log_loss", "negative_binomial", "multinomial"}, \
            default="squared_error"
        Likelihood of a row: normal, or Bernoulli for data in [0, 1]. The latter is a
        probability for zeros and ones only; for shares between them it is a pseudo-likelihood.
        "negative_binomial" and "multinomial" are those of counts given their total in the row,
        the depth (Lopez et al., 2018; Liang et al., 2018), in nats with all constants, as
        scipy.stats counts. "negative_binomial" has a `dispersion_` for each column. The encoder
        sees logarithms of one plus the counts, scaled to one depth, and `reconstruct` gives
        expected counts at the depth of the row, `inverse_transform` and `sample` at the mean depth
        of the training rows.

    Attributes
    ----------
    active_units_ : int
        Components whose posterior mean has a variance above 0.01 over the training rows, or
        5000 of them (Burda et al., 2016). The others carry no information.
    column_losses_ : dict of {str: float} or None
        Of a table with columns of several types or with gaps, minus the log-likelihood of each
        column given the mean codes of the training rows, or of a thousand of them, in nats, for
        columns divided by their standard deviation. The history has them, too: see
        :class:`AutoencoderTransformer`.
    noise_variance_ : float, ndarray of shape (n_features,) or None
        Variance of the noise, in the squared unit of the data; None for other losses than
        "squared_error". In a table with columns of several types or with gaps that of each column,
        0 for categories.
    loss_ : float
        The objective over all training rows with the weights that were kept, in nats per row,
        for rows in the unit of the data. With a `beta` of one, and neither penalties nor free
        bits, it is minus the evidence lower bound before the change of the codes' scale.

    See Also
    --------
    sklearn.decomposition.PCA : The linear case, with the same meaning of `score_samples`.
    sklearn.mixture.GaussianMixture : Density of few features.
    AutoencoderTransformer : The same without a prior; lower errors, codes of unit variance.

    Notes
    -----
    The reconstruction is summed over features, the divergence over components. Averaging only the
    first, as many programs do, makes the divergence so heavy that all components switch off.
    `loss_` and the history count both in nats; the history divides them by the number of features.

    A table may have columns of several types, and cells without a value. Categories then have a
    multinomial likelihood, and numbers a normal one with a noise of their own. A gap adds nothing,
    neither to the bound that is trained nor to a score (Nazabal et al., 2020; Mattei and
    Frellsen, 2019), so that rows are comparable where the same cells have a value. A category that
    `fit` has not seen costs the logarithm of the number of rows plus one.

    Codes have the scale of the prior: over the training rows, means and variances of the
    posterior together have zero mean and unit variance. An exact change of scale after training,
    undone in the decoder, ensures this and raises the bound. Training alone reaches that scale
    slowly: it matters little for the bound, but much for :meth:`sample`.

    Training draws one code for each row of each batch; the losses of held-out rows and `loss_` use
    the same draws every time. :meth:`score_samples` uses the same draws for every row, in pairs of
    opposite sign, so that a row scores the same alone and in a table.

    :meth:`reconstruct` returns the mean of the likelihood, or the likeliest category.
    :meth:`sample` draws categories by their probabilities; numbers are means, without noise.

    With ``conditional=True`` the decoder sees the class beside the code (Sohn, Lee and Yan, 2015).
    The encoder sees the row alone, so that :meth:`transform`, pipelines and graphs need no class.
    The bound alone hardly drives the class out of the codes, so training also penalises the
    discrepancy between the codes of each class and the prior (Louizos et al., 2016). `loss_` and
    held-out losses do not count it, so "auto" early stopping holds no rows out: it would keep codes
    that tell classes. Without its class a row is scored by the likelihood of all classes in their
    shares, as in Kingma et al. (2014, semi-supervised), and in training it takes the class of most
    of its five nearest neighbours that have one. :meth:`sample` draws codes of a class from the
    normal distribution of the codes of its training rows, where Sohn et al. train a prior network.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, 2016. Importance weighted autoencoders.
    International Conference on Learning Representations.

    I. Higgins et al., 2017. beta-VAE: learning basic visual concepts with a constrained
    variational framework. International Conference on Learning Representations.

    D. P. Kingma and M. Welling, 2014. Auto-encoding variational Bayes. International Conference
    on Learning Representations.

    D. P. Kingma, S. Mohamed, D. J. Rezende and M. Welling, 2014. Semi-supervised learning with deep
    generative models. Advances in Neural Information Processing Systems 27.

    D. P. Kingma et al., 2016. Improved variational inference with inverse autoregressive flow.
    Advances in Neural Information Processing Systems 29.

    D. Liang, R. G. Krishnan, M. D. Hoffman and T. Jebara, 2018. Variational autoencoders for
    collaborative filtering. The Web Conference.

    R. Lopez, J. Regier, M. B. Cole, M. I. Jordan and N. Yosef, 2018. Deep generative modeling for
    single-cell transcriptomics. Nature Methods 15.

    C. Louizos, K. Swersky, Y. Li, M. Welling and R. Zemel, 2016. The variational fair autoencoder.
    International Conference on Learning Representations.

    P.-A. Mattei and J. Frellsen, 2019. MIWAE: deep generative modelling and imputation of
    incomplete data sets. International Conference on Machine Learning.

    A. Nazabal, P. M. Olmos, Z. Ghahramani and I. Valera, 2020. Handling incomplete heterogeneous
    data using VAEs. Pattern Recognition 107.

    O. Rybkin, K. Daniilidis and S. Levine, 2021. Simple and effective VAE training with calibrated
    decoders. International Conference on Machine Learning.

    K. Sohn, H. Lee and X. Yan, 2015. Learning structured output representation using deep
    conditional generative models. Advances in Neural Information Processing Systems 28.

    M. E. Tipping and C. M. Bishop, 1999. Probabilistic principal component analysis. Journal of
    the Royal Statistical Society B 61.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import train_test_split
    >>> from skae import VariationalAutoencoder
    >>> X_train, X_test = train_test_split(load_digits().data, random_state=0)
    >>> params = {"hidden_layer_sizes": (64,), "max_iter": 10, "random_state": 0}
    >>> vae = VariationalAutoencoder(n_components=8, **params).fit(X_train)
    >>> bool(vae.score(X_test) > PCA(8).fit(X_train).score(X_test))
    True
    >>> vae.sample(3, random_state=0).shape
    (3, 64)
    """

    noise_variance: Literal["learned"] | Positive = "learned"
    beta: NonNegative = 1.0
    kl_warm_up: Annotated[float, Interval(Real, 0, 1, closed="both")] = 0.1
    free_bits: NonNegative = 0.0
    n_draws: Annotated[int, Interval(Integral, 1, _MOST_DRAWS, closed="both")] = 50
    loss: Literal["squared_error", "log_loss", "negative_binomial", "multinomial"] = "squared_error"

    noise_variance_: AnyFloat | Annotated[np.ndarray, ArrayOf("float", "n_features_in_")] | None = (
        fitted()
    )
    active_units_: int = fitted()
    _first_noise: Positive = fitted()

    _fixed_parameters = ("noise_variance", "conditional")
    _draws_from = "prior"

    # -- training ---------------------------------------------------------------------

    def _learn_from(self, X: Any, caller: CallerType) -> None:
        # In the unit of the scaled rows, which have unit variance.
        self._first_noise = 1.0
        if self.loss == "squared_error" and self.noise_variance != "learned":
            deviation = math.sqrt(self.noise_variance) / self.scale_
            if not 1e-6 <= deviation <= 1e6:
                raise ValueError(
                    f"noise_variance={self.noise_variance} is in the squared unit of the data and "
                    f"must be between 1e-12 and 1e12 times their variance, which is "
                    f"{self.scale_**2:.3g}. Use noise_variance='learned' if it is not known."
                )
            self._first_noise = deviation**2

    def _why_no_gaps(self) -> str | None:
        # A likelihood of rows with gaps is one of columns, each with a noise of its own.
        return self._why_only_numbers()

    def _make_latent(self) -> GaussianLatent:
        return GaussianLatent()

    def _start_at_pca(self, module: Autoencoder, pca: PrincipalComponents, rng: Any) -> None:
        loss = self._make_heads()[0].loss
        left = len(pca.mean) - len(pca.components)
        if self.loss == "log_loss":
            noise = float(np.mean(pca.mean * (1 - pca.mean)))
        elif self.loss != "squared_error" or self.noise_variance == "learned":
            # Where no direction is left for the noise, all variances up to the smallest one
            # are equally likely.
            noise = pca.residual_variance / left if left else pca.variances.min() / 2
            self._first_noise = max(noise, LEAST_NOISE)
        else:
            noise = self._first_noise
        start_at_probabilistic_pca(module, pca, loss, max(noise, LEAST_NOISE))

    def _make_objective(self, seed: int) -> VariationalObjective:
        apart = ClassDiscrepancy() if self._n_classes else None
        draw = PosteriorDraw(
            self._table.n_columns, self.beta, self.kl_warm_up, self.free_bits, apart
        )
        learned, penalty = self.noise_variance == "learned", self._make_weight_penalty()
        if self._mixed is not None:
            likelihoods = column_likelihoods(self._mixed, self._first_noise)
            return ColumnVariationalObjective(likelihoods, penalty, draw, learned)
        normal = self.loss == "squared_error"
        noise = GaussianNoise(self._first_noise, learned) if normal else None
        return VariationalObjective(self._make_heads(), penalty, draw, noise)

    def _describe_fit(self, rows: TrainingRows, whole_fit: bool) -> None:
        super()._describe_fit(rows, whole_fit)
        self.noise_variance_ = None
        if self.loss == "squared_error":
            self.noise_variance_ = self._settled_noise(rows, whole_fit)
        codes, weight = self._some_codes  # type: ignore[misc]  # set just before
        share = weight / weight.sum()
        variance = share @ (codes - share @ codes).square()
        # In the scale of the prior.
        scale = self.net_.module_.code_scale
        self.active_units_ = int((variance > _ACTIVE * scale.square()).sum())
        if self.active_units_ == 0:
            warn_caller(
                f"The posterior has collapsed: none of the n_components={self.n_components_} codes "
                f"varies with the data. Try a smaller beta (now {self.beta}), kl_warm_up=0.3, "
                f"free_bits=0.1, a smaller noise_variance, or more training."
            )

    def _settled_noise(self, rows: TrainingRows, whole_fit: bool) -> float | np.ndarray:
        """Return the variance of the noise in the unit of the data."""
        net, module, objective = self.net_, self.net_.module_, self.net_.criterion_
        if self.noise_variance == "learned" and whole_fit:
            n_draws = -(-_ENOUGH_CELLS // (len(rows) * self._table.n_columns))
            at_once = min(n_draws, max(1, _ROWS_AT_ONCE // len(rows)))

            def error(batch: Batch) -> dict[str, torch.Tensor]:
                times = range(-(-n_draws // at_once))
                errors = [objective.error(module, batch, at_once) for _ in times]
                return {k: torch.stack([e[k] for e in errors]).mean(dim=0) for k in errors[0]}

            objective.settle_noise(net.measure(rows, error))
            net.objective_ = net.evaluate(rows)
        if self._mixed is not None:
            return self._mixed.of_numbers(objective.likelihoods.variance) * self._mixed.scales**2
        if isinstance(self.noise_variance, str):
            return float(objective.noise.variance) * self.scale_**2
        return self.noise_variance

    def _in_data_units(self, objective: float) -> float:
        return objective * self._table.n_columns + self._table.mean_log_volume

    # -- likelihood -------------------------------------------------------------------

    @torch_defaults()
    def elbo(self, X: Any, y: Any = None) -> Any:
        """Score rows by their evidence lower bound.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.
        y : array-like of shape (n_samples,) or a class, default=None
            Their classes, after a conditional fit. None, or -1 for a row, is any class.

        Returns
        -------
        bounds : {ndarray, tensor} of shape (n_samples,) and dtype float64
            The expected log-likelihood under the posterior minus its divergence from the prior,
            in nats, for rows in the unit of the data. Below :meth:`score_samples`.
        """
        given = self._with_classes(X, y)
        X, caller = validate_new_rows(self, X, "elbo")
        return caller.to_caller(given._bounds(X, evidence_lower_bound))

    @torch_defaults()
    def score_samples(self, X: Any, y: Any = None, *, to: Any = None) -> Any:
        """Score rows by a lower bound of their log-likelihood.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor, source} of shape (n_samples, n_features)
            Rows to score, or, without `y`, a table that is read part by part; see :meth:`fit`.
        y : array-like of shape (n_samples,) or a class, default=None
            Their classes, after a conditional fit. None, or -1 for a row, is any class.
        to : str or Path, default=None
            Path of a Parquet file for the answers, which is returned; not beside `y`.

        Returns
        -------
        scores : {ndarray, tensor} of shape (n_samples,) and dtype float64
            The importance-weighted bound of `n_draws` draws (Burda et al., 2016), in nats, for
            rows in the unit of the data, as PCA and GaussianMixture count. Higher is more
            ordinary.
        """
        return super().score_samples(X, y)

    def score_columns(self, X: Any) -> pd.DataFrame:
        """Return how likely each cell of rows is, given the code of its row.

        Parameters
        ----------
        X : {array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : DataFrame of shape (n_samples, n_features)
            Log-likelihoods of cells given the mean code of their row, in nats, for rows in the unit
            of the data, with the names of the columns and the index of `X`. NaN where there is no
            value.
        """
        scores = super().score_columns(X)
        if self._mixed is not None:
            return scores - np.log(self._mixed.scales)
        if self.noise_variance_ is None:
            return scores
        return 0.5 * (scores / self.noise_variance_ - np.log(2 * np.pi * self.noise_variance_))

    def _score_rows(self, X: Any, target: Any = None) -> torch.Tensor:
        return self._bounds(X, importance_weighted_bound)

    def _bounds(self, X: Any, bound: Callable[..., torch.Tensor]) -> torch.Tensor:
        return self._by_class(lambda one, rows: one._bounds_of_rows(rows, bound), X)

    def _bounds_of_rows(self, X: Any, bound: Callable[..., torch.Tensor]) -> torch.Tensor:
        # It may have been changed since the fit.
        check_scalar(self.n_draws, "n_draws", Integral, min_val=1, max_val=_MOST_DRAWS)
        rows = self._rows_in_range(X)
        bounds = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
        draws = balanced_draws(self.n_draws, self.n_components_)
        bound = self._over_classes(bound)

        def of(x: torch.Tensor) -> torch.Tensor:
            return bound(self.net_.criterion_, self.net_.module_, x, draws)

        return self._fill(bounds, rows, of).sub_(self._table.log_volumes(X))
