"""Autoencoders that draw codes of a class like those of its training rows."""

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch
from skae._exact_dtype import exact_dtype
from skae._typing import ArrayOf
from skae.engine import TrainingRows

from .base import ClassConditions, fitted

_ClassSums = tuple[
    Annotated[np.ndarray, ArrayOf("float", "n_sums")],
    Annotated[np.ndarray, ArrayOf("float", "n_sums", "n_components_")],
    Annotated[np.ndarray, ArrayOf("float", "n_sums", "n_components_", "n_components_")],
]


class CodesOfClasses(ClassConditions):
    """Base of conditional autoencoders that draw codes of a class like those of its rows.

    In no class do codes follow the prior exactly. A normal distribution is therefore fitted to the
    codes of each class, and they are drawn from it. A variant defines `_means_and_variances`.
    """

    # Of each class the total weight of its training rows, and the expected sums of codes and of
    # their products, as the latent gives codes. None without classes, or if the prior is not
    # normal.
    _class_sums: _ClassSums | None = fitted(optional=True, default=None)

    def _means_and_variances(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return means and variances of the codes of rows, as the latent gives codes."""
        raise NotImplementedError

    @property
    def _prior_is_normal(self) -> bool:
        return True

    def _describe_fit(self, rows: TrainingRows, whole_fit: bool) -> None:
        known = None if whole_fit else self._class_sums
        described = self._n_classes and self._prior_is_normal
        self._class_sums = self._sums_by_class(rows) if described else None
        if known is not None and self._class_sums is not None:
            old, new = known, self._class_sums
            self._class_sums = old[0] + new[0], old[1] + new[1], old[2] + new[2]

    def _sums_by_class(self, rows: TrainingRows) -> _ClassSums:
        def means(batch: Batch) -> dict[str, Tensor]:
            # A device may lack double precision.
            mean, variance = (m.to(exact_dtype(m.device)) for m in self._means_and_variances(batch))
            share = batch.condition.to(mean) / len(batch)  # type: ignore[union-attr]
            if batch.weight is not None:
                share = share * batch.weight[:, None]
            products = torch.einsum("nc,ni,nj->cij", share, mean, mean)
            products += torch.diag_embed(share.T @ variance)
            return {"weight": share.sum(dim=0), "codes": share.T @ mean, "products": products}

        found = self.net_.measure(rows, means)
        weight, codes, products = (len(rows) * np.asarray(mean) for mean in found.values())
        return weight, codes, products

    def _normal_of_class(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and root of the covariance of the codes of a class, in the prior's scale.

        One draw of the prior counts beside the rows, so that those of a rare class differ.
        """
        weight, codes, products = (sums[place] for sums in self._class_sums or ())
        module = self.net_.module_
        center, scale = (t.cpu().double().numpy() for t in (module.code_mean, module.code_scale))
        # A class that has not come yet has no weight.
        weight = max(weight, np.finfo(np.float64).tiny)
        mean = codes / weight
        covariance = (products / weight - np.outer(mean, mean)) / np.outer(scale, scale)
        mean, share = (mean - center) / scale, weight / (weight + 1)
        covariance += (1 - share) * np.outer(mean, mean)
        covariance = share * covariance + (1 - share) * np.eye(self.n_components_)
        return share * mean, np.linalg.cholesky(covariance)

    def _check_consistency(self) -> None:
        super()._check_consistency()
        if self._class_sums is None:
            return
        if len(self._class_sums[0]) != self._n_classes or (self._class_sums[0] < 0).any():
            raise ValueError("the weights of the classes are not those of classes_")
        try:
            for place in range(self._n_classes):
                self._normal_of_class(place)
        except np.linalg.LinAlgError as error:
            raise ValueError("the codes of a class have no covariance") from error

    def _draw_codes(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        codes = super()._draw_codes(n_samples, rng)
        if self._class_sums is not None:
            for place in np.unique(self._given):
                mine = self._given == place
                mean, root = self._normal_of_class(int(place))
                codes[mine] = mean + codes[mine] @ root.T
        return codes
