"""New codes like those of the rows that an autoencoder was fitted on."""

import warnings
from typing import ClassVar, Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

from skae.tables import detached

from ._fitted_attributes import FittedAttributes

# Ghosh et al. fit ten components; each needs rows enough to be told apart from the others.
_MIXTURE_COMPONENTS, _ROWS_EACH = 10, 50


class Sampling(FittedAttributes):
    """Draws codes like those of the training rows."""

    # Codes are drawn from a "mixture" that is fitted on codes of training rows, from these
    # "codes" themselves, or from a "prior".
    _draws_from: ClassVar[Literal["mixture", "codes", "prior"]] = "mixture"

    def _kept_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return codes of training rows, scaled as `transform` does, and their weights' shares."""
        if self._some_codes is None:
            raise ValueError(
                f"This {type(self).__name__} keeps no codes of training rows to draw others like "
                f"them: it is half of one, or a member of a detector."
            )
        # Tensors where they were trained, or, if the estimator was pickled, arrays.
        codes, weight = (np.asarray(detached(kept), dtype=np.float64) for kept in self._some_codes)
        module = self.net_.module_
        mean, scale = (t.cpu().double().numpy() for t in (module.code_mean, module.code_scale))
        return (codes - mean) / scale, weight / weight.sum()

    def _fitted_mixture(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the mixture that codes are drawn from: weights, means, roots of covariances."""
        if self._mixture is None:
            self._mixture = _fit_mixture(*self._kept_codes(), self.net_.random_state)
        return self._mixture

    def _keep_first_codes(self, k: int) -> None:
        """Cut what codes are drawn from to the first components."""
        if self._some_codes is not None:
            codes, weight = self._some_codes
            self._some_codes, self._mixture = (codes[:, :k], weight), None
        elif self._mixture is not None:
            weights, means, roots = self._mixture
            # The first rows of a triangular root are the root of the first components.
            first = (slice(None), *[slice(k)] * (roots.ndim - 1))
            self._mixture = weights, means[:, :k], roots[first]

    def _draw_codes(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """Return random codes, in float64 and scaled as `transform` does."""
        if self._draws_from == "prior":
            return self._draw_prior(n_samples, rng)
        weights, means, roots = self._fitted_mixture()
        kinds = rng.choice(len(weights), n_samples, p=weights)
        codes = rng.standard_normal((n_samples, self.n_components_))
        if roots.ndim == 2:
            return means[kinds] + roots[kinds] * codes
        for kind in np.unique(kinds):
            mine = kinds == kind
            codes[mine] = means[kind] + codes[mine] @ roots[kind].T
        return codes

    def _draw_prior(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """Return draws of the prior: a standard normal one, unless a variant overrides this."""
        return rng.standard_normal((n_samples, self.n_components_))


def _fit_mixture(
    codes: np.ndarray, share: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, means and square roots of the covariances: Cholesky's, or deviations."""
    rng = check_random_state(seed)
    if not np.all(share == share[0]):
        # The mixture knows no weights: rows are repeated as often as these say.
        codes = codes[rng.choice(len(codes), len(codes), p=share)]
    # The mixture adds a number of its own to each variance, so they must be of one size.
    mean, scale = codes.mean(axis=0), codes.std(axis=0)
    scale[scale == 0] = 1.0
    codes = (codes - mean) / scale
    n_rows, n_components = codes.shape
    # A full covariance has to be found from rows enough; small tables get fewer components.
    n_needed = max(_ROWS_EACH, 2 * n_components)
    n_mixture = int(np.clip(n_rows // n_needed, 1, _MIXTURE_COMPONENTS))
    kind = "full" if n_rows > n_needed else "diag"
    # A rough fit is enough: components only have to be in the right place.
    mixture = GaussianMixture(n_mixture, covariance_type=kind, tol=1e-2, random_state=rng)
    # Rows that are equal make fewer clusters than asked for, and the others stay empty.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        mixture.fit(codes)
    root = np.linalg.cholesky if kind == "full" else np.sqrt
    roots = root(mixture.covariances_)
    means = mean + scale * mixture.means_
    roots = roots * (scale[:, None] if kind == "full" else scale)
    # Single precision is enough, and files become smaller.
    return mixture.weights_, means.astype(np.float32), roots.astype(np.float32)
