"""The adversarial autoencoder."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch
from skae.engine import AdversarialNet
from skae.networks import make_discriminator
from skae.objectives._adversarial import Adversary
from skae.objectives._priors import PRIORS, NormalPrior, PriorName

from ._codes_of_classes import CodesOfClasses
from .base import (
    LayerSizes,
    NonNegative,
    resolve_hidden_layer_sizes,
)


class AdversarialAutoencoder(CodesOfClasses):
    """Autoencoder whose codes follow a prior of choice, to generate rows or to map them.

    A second network, the discriminator, learns to tell codes from draws of the prior, and the
    encoder learns to fool it (Makhzani et al., 2015). Codes then fill the prior without holes:
    :meth:`sample` decodes draws of it, and neighbouring codes decode to similar rows. Any prior
    that can be drawn from will do; the variational autoencoder needs a density.

    Parameters
    ----------
    prior : {"normal", "uniform", "mixture"}, default="normal"
        Distribution of the codes, with zero mean and unit variance: standard normal, uniform on
        a cube, or ten equally likely round clusters, which suit data that fall into groups. The
        standard deviations of 8 and 32 codes were within 0.05 of one on the digits, and within
        0.2 on tables of fewer features than codes. Continued training may change the prior.
    adversarial_weight : float, default=0.1
        Weight of the encoder's loss (cross-entropy against the discriminator and divergence of
        means and variances from the prior's, in nats), added to the mean loss of the scaled
        rows. From 0.01 to 0.1 a classifier could not tell the codes of the digits from the
        prior; with 0.01 the reconstruction error was a tenth lower.
    discriminator_layer_sizes : tuple of int or int, default=(128, 128)
        Widths of the discriminator's hidden layers, which use leaky rectifiers.
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep one
        and starts at PCA's whitened codes, whose mean and variance are the prior's. "random" is
        the plain network.
    early_stopping : bool or "auto", default=False
        Whether to hold out `validation_fraction` of the rows, stop when their reconstruction no
        longer improves, and keep the weights that reconstruct them best. Off by default: the
        codes of these weights are not always the nearest to the prior.

    Attributes
    ----------
    loss_ : float
        The reconstruction loss and the penalties on the weights over all training rows, in the
        unit of the data. The discriminator has no part in it, as it changes. Its own loss is in
        ``net_.history[:, "discriminator_loss"]``: log 2 if it cannot tell codes from draws.
    loss_curve_ : list of float
        Mean of reconstruction loss, penalties and the encoder's loss against the discriminator
        over the training rows during each epoch.

    See Also
    --------
    VariationalAutoencoder : Normal codes by a bound of the likelihood, without a discriminator.
    AutoencoderTransformer : The same without the discriminator.

    Notes
    -----
    After each step of the autoencoder the discriminator takes one, on the codes of the same batch
    and as many draws of the prior. The discriminator has an Adam optimizer of its own,
    with `learning_rate_init` as its constant rate. A discriminator that tells codes apart easily
    gives little gradient for their scale. The loss therefore penalises means and variances too,
    with a Lagrange multiplier for each. `alpha` and `max_grad_norm` apply to the autoencoder only.

    With ``conditional=True`` decoder and discriminator see the class beside the code (Makhzani et
    al., 2015, sections 2.3 and 4): the codes of each class then follow the prior, and what the
    class says is left to the decoder. The encoder sees the row alone. A row without a class takes
    that of most of its five nearest neighbours that have one. With a class of their own for such
    rows, as in section 2.3, a fifth of the labels of the digits steered nothing. With the normal
    prior :meth:`sample` draws codes of a class from the normal distribution of the codes of its
    training rows, as 32 codes of a class do not fill the prior: a classifier of the digits named
    93% of samples from the prior as asked for, and 98% of these.

    References
    ----------
    A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow and B. Frey, 2015. Adversarial autoencoders.
    arXiv:1511.05644.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AdversarialAutoencoder
    >>> X = load_digits().data[:500]
    >>> params = {"hidden_layer_sizes": (64,), "max_iter": 10, "random_state": 0}
    >>> aae = AdversarialAutoencoder(n_components=4, **params).fit(X)
    >>> bool(abs(aae.transform(X).std(axis=0) - 1).max() < 0.2)
    True
    >>> aae.sample(3, random_state=0).shape
    (3, 64)
    """

    prior: PriorName = "normal"
    adversarial_weight: NonNegative = 0.1
    discriminator_layer_sizes: LayerSizes = (128, 128)
    early_stopping: bool | Literal["auto"] = False

    _net_class = AdversarialNet
    _codes_have_a_scale = True
    _keeps_codes = False
    _draws_from = "prior"
    _fixed_parameters = ("discriminator_layer_sizes", "conditional")

    def _make_code_term(self, seed: int) -> Adversary:
        sizes = resolve_hidden_layer_sizes(
            self.discriminator_layer_sizes, "discriminator_layer_sizes"
        )
        generator = torch.Generator().manual_seed(seed + 2)
        return Adversary(
            make_discriminator(self.n_components_ + self._n_classes, sizes, generator),
            PRIORS[self.prior](self.n_components_),
            self.adversarial_weight,
            self._n_classes,
        )

    @property
    def _prior_is_normal(self) -> bool:
        return type(self.net_.criterion_.code_term.prior) is NormalPrior

    def _means_and_variances(self, batch: Batch) -> tuple[Tensor, Tensor]:
        module = self.net_.module_
        codes = module.latent(module.encoder(batch.x))
        return codes, torch.zeros_like(codes)

    def _draw_prior(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        generator = torch.Generator().manual_seed(int(rng.randint(2**31 - 1)))
        return self.net_.criterion_.code_term.prior(n_samples, generator).double().numpy()
