"""The start of the training of an outlier detector, and what it keeps of a table."""

import numpy as np
from sklearn.base import clone

from skae._compat import validate_params
from skae.estimators.base import (
    fitted,
    warn_of_ignored_device,
    warn_of_ignored_parameters,
)
from skae.objectives import LOSSES
from skae.tables import CallerType, ColumnScaling

from ._default_autoencoder import autoencoder_for_detection
from ._ensemble import completed
from ._fitted_detector import FittedDetector
from ._fixed_chunks import in_fixed_chunks
from ._held_out_folds import Folds
from ._members import MemberValues, Rows
from ._mixed_columns import MixedColumns
from ._reference_rows import ReferenceRows


class DetectorStart(FittedDetector):
    """Base class of the outlier detector: starts training, and keeps rows and scales."""

    max_samples_: int = fitted()
    n_samples_seen_: int = fitted()
    _seed: int = fitted()

    def _start(
        self, X: Rows, weight: np.ndarray, caller: CallerType, rng: np.random.RandomState
    ) -> None:
        """Set all attributes that training needs, the members unfitted."""
        n_samples = X.shape[0]
        self._seed = int(rng.randint(np.iinfo(np.int32).max))
        self._level = self.contamination
        self.n_samples_seen_ = 0
        n_folds = min(self.cv, n_samples)
        self._folds = Folds(n_folds, np.arange(self.n_estimators) % n_folds)
        self.max_samples_ = self._folds.samples_per_member(self.max_samples, n_samples)
        has_categories = caller.frame is not None and any(caller.frame.schema.n_levels)
        size = self.n_features_in_, self.max_samples_, has_categories
        autoencoder = autoencoder_for_detection(self.autoencoder, self.scoring, *size, self.device)
        validate_params(autoencoder)
        warn_of_ignored_parameters(autoencoder)
        warn_of_ignored_device(self.device, autoencoder)
        self._frame = None if caller.frame is None else caller.frame.of_fit()
        is_number = None if self._frame is None else np.array(self._frame.schema.n_levels) == 0
        # Losses that need the data's own origin need its own unit, too.
        self._scaling = ColumnScaling(X, weight, LOSSES[autoencoder.loss].centered, is_number)
        self.scale_ = self._scaling.scale
        seeds = np.asarray(rng.randint(np.iinfo(np.int32).max, size=self.n_estimators))
        self.estimators_ = [clone(autoencoder).set_params(random_state=int(seed)) for seed in seeds]

    def _learn_columns(self, Z: Rows, weight: np.ndarray) -> MixedColumns | None:
        """Return what the parts of the detector need to know of mixed columns."""
        if self._frame is None:
            return None
        rng = np.random.RandomState(self._seed)
        return MixedColumns.learn(Z, weight, self._frame.schema, rng)

    def _keep(
        self,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        unusual: np.ndarray,
        in_cluster: np.ndarray,
        whitening: np.ndarray | None,
        columns: MixedColumns | None,
    ) -> None:
        """Keep these rows as those that others are compared with; see `ReferenceRows`."""
        known = weight, fold, unusual, in_cluster
        gaps = None
        if columns is not None:
            gaps, members = np.isnan(Z), [MemberValues(member) for member in self.estimators_]
            Z = in_fixed_chunks(lambda some: completed(some, columns, members).clone(), Z)
        of_table = whitening, self._folds.n_folds, columns, gaps
        self._reference = ReferenceRows.keep(Z, *known, self._scaling.center, *of_table)

    def _learn_scales(self, X: Rows, weight: np.ndarray) -> bool:
        """Scale columns that were constant so far by rows in which they vary; tell if any do."""
        scaling = self._scaling.learned_from(X, weight)
        if scaling is self._scaling:
            return False
        self._reference = self._reference.rescaled(self._scaling, scaling)
        self._scaling, self.scale_ = scaling, scaling.scale
        return True
