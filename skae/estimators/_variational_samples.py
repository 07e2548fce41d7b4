"""Draws of a variational autoencoder for `sample`: codes of a class, and categories."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch
from skae.tables import ScaledRows

from ._codes_of_classes import CodesOfClasses


class VariationalSamples(CodesOfClasses):
    """Draws codes of a class by their posteriors, and categories by their probabilities."""

    def _means_and_variances(self, batch: Batch) -> tuple[Tensor, Tensor]:
        module = self.net_.module_
        mean, log_variance = module.latent.posterior(module.encoder(batch.x))
        return mean, log_variance.exp()

    def _decode_draws(self, codes: np.ndarray, rng: np.random.RandomState) -> Tensor:
        if self._mixed is None:
            return super()._decode_draws(codes, rng)
        generator = torch.Generator().manual_seed(int(rng.randint(2**31 - 1)))
        draw = self.net_.criterion_.likelihoods.draw

        def drawn(one: Any, codes: np.ndarray) -> Tensor:
            return one._decoded(lambda z: draw(one._decode(z), generator), ScaledRows(codes))

        return self._by_class(drawn, codes)
