"""A fitted model as a parameter, and its scores and codes of rows."""

from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skae.tables import check_in_memory, check_mask, check_names, detached


def scores_and_codes(model: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a model's scores and codes of rows, in float64."""
    check_is_fitted(
        model,
        msg="model is not fitted: this %(name)s must be, on other rows than the detector "
        "is. Call DriftDetector(model.fit(X_train)).fit(X_heldout).",
    )
    check_in_memory(X, "DriftDetector")
    check_mask(X, "X")
    check_names(X)
    answers = model.score_samples(X), model.transform(X)
    # They may be tensors or DataFrames.
    scores, codes = (np.asarray(detached(one), dtype=np.float64) for one in answers)
    if codes.ndim != 2 or scores.shape != codes.shape[:1]:
        raise ValueError(
            f"model gives scores of shape {scores.shape} and codes of shape {codes.shape}, "
            f"expected (n_samples,) and (n_samples, n_components)."
        )
    if len(scores) < 2:
        raise ValueError(
            f"X has n_samples={len(scores)}, but a distribution needs at least 2 rows. "
            f"model.score_samples says whether a single row is ordinary."
        )
    # A score may be infinite: the likelihood of an impossible row.
    bad = np.isnan(scores) | ~np.isfinite(codes).all(axis=1)
    if bad.any():
        raise ValueError(
            f"model gives scores or codes that are no numbers for {bad.sum()} of "
            f"{len(bad)} rows, the first of them row {bad.argmax()}. Compare this row with "
            f"those that the model was fitted on."
        )
    return scores, codes


class FittedModelMixin(BaseEstimator):
    """Base of an estimator whose parameter `model` is fitted: it is shared, and never changed."""

    def __sklearn_clone__(self) -> Self:
        params = self.get_params()
        model = params.pop("model")
        return type(self)(model, **deepcopy(params))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the detector, without those of its model.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: parameters of a fitted model are not to be changed.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        return super().get_params(deep=False)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the detector.

        Parameters
        ----------
        **params : dict
            Parameters of the detector, not of its model.

        Returns
        -------
        self : object
            The detector.

        Raises
        ------
        ValueError
            If there is no such parameter, or it is one of the model.
        """
        nested = [name for name in params if name.startswith("model__")]
        if nested:
            raise ValueError(
                f"{nested[0]} is a parameter of the model, which is fitted and stays as it is. "
                f"Fit another model, and set model."
            )
        return super().set_params(**params)
