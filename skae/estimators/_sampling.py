"""New rows like those that an autoencoder was fitted on."""

import warnings
from copy import copy
from numbers import Integral

import numpy as np
import torch
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from ._containers import Container

# As many as Ghosh et al. fit; each of them needs rows to be told apart from the others.
_MIXTURE_COMPONENTS, _ROWS_EACH = 10, 50


class SamplingMixin:
    """Draw codes and decode them."""

    def sample(self, n_samples=1, random_state=None):
        """Generate rows like those of the training data.

        Codes are drawn and decoded: from the prior where the estimator has one, otherwise from
        a Gaussian mixture of ten components that is fitted on codes of the training rows (Ghosh
        et al., 2020). It is fitted when this is called for the first time, on codes that the
        estimator keeps: at most 5000, and half a million values.

        Parameters
        ----------
        n_samples : int, default=1
            How many rows.
        random_state : int, RandomState instance or None, default=None
            Determines the rows. An int gives the same ones on every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows in the unit of the training data, in float64; images or windows where the first
            `fit` saw arrays of them.

        Raises
        ------
        TypeError, ValueError
            If `n_samples` is not an integer of at least 1.
        """
        check_is_fitted(self, "net_")
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        # The mixture starts where k-means ends, which knows NumPy's arrays only.
        with config_context(array_api_dispatch=False):
            codes = self._draw_codes(int(n_samples), check_random_state(random_state))
        return Container(row_shape=self._row_shape).close_rows(self._decoded_codes(codes))

    def _kept_codes(self):
        """Return codes of training rows, as they leave, and each one's share of the weight."""
        # Tensors where they were trained, or, if the estimator was pickled, arrays.
        codes, weight = (
            np.asarray(kept.cpu() if isinstance(kept, torch.Tensor) else kept, dtype=np.float64)
            for kept in self._some_codes
        )
        module = self.net_.module_
        mean, scale = (t.cpu().double().numpy() for t in (module.code_mean, module.code_scale))
        return (codes - mean) / scale, weight / weight.sum()

    def _draw_codes(self, n_samples, rng):
        """Draw codes, float64 and in the scale in which they leave."""
        if self._mixture is None:
            self._mixture = _fit_mixture(*self._kept_codes(), self.net_.random_state)
        mixture = copy(self._mixture)
        mixture.random_state = rng
        codes, _ = mixture.sample(n_samples)
        # They come sorted by the component that they were drawn from.
        return rng.permutation(codes)


def _fit_mixture(codes, share, seed):
    rng = check_random_state(seed)
    if not np.all(share == share[0]):
        # The mixture knows no weights: rows are repeated as often as these say.
        codes = codes[rng.choice(len(codes), len(codes), p=share)]
    n_rows, n_components = codes.shape
    # A full covariance has to be found from rows enough; small tables get fewer components.
    n_needed = max(_ROWS_EACH, 2 * n_components)
    n_mixture = int(np.clip(n_rows // n_needed, 1, _MIXTURE_COMPONENTS))
    kind = "full" if n_rows > n_needed else "diag"
    # Components need not be at their best, only in their place.
    mixture = GaussianMixture(n_mixture, covariance_type=kind, tol=1e-2, random_state=rng)
    with warnings.catch_warnings():
        # Rows that are equal make fewer clusters than asked for, and the others stay empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(codes)
