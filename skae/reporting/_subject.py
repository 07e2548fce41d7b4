"""The estimator that a report is about, and how it is asked about rows."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skae._fitted import has_method
from skae.detection import AutoencoderOutlierDetector, DriftDetector
from skae.estimators.base import BaseAutoencoder, Decoder, Encoder
from skae.imputation import AutoencoderImputer
from skae.supervised import AutoencoderClassifier, AutoencoderRegressor
from skae.windows import Patches, Windows

Kind = Literal["autoencoder", "classifier", "regressor", "outliers", "imputer", "drift"]

_KINDS: dict[type, Kind] = {
    AutoencoderOutlierDetector: "outliers",
    AutoencoderClassifier: "classifier",
    AutoencoderRegressor: "regressor",
    AutoencoderImputer: "imputer",
    DriftDetector: "drift",
}


@dataclass(frozen=True, eq=False)
class Subject:
    """A fitted estimator and what it is.

    `before` are the steps of a Pipeline that come before `last`, None if there are none. `cuts` are
    the first of its steps if they make other rows of an array, such as windows; they are no part
    of `before`.
    """

    last: Any
    kind: Kind
    before: Pipeline | None = None
    cuts: Pipeline | None = None

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return the subject; raise an error for an estimator that a report says nothing of."""
        # Of a search the best one.
        estimator = getattr(estimator, "best_estimator_", estimator)
        if isinstance(estimator, Pipeline):
            subject = cls._of_pipeline(estimator)
        else:
            subject = cls(estimator, _kind_of(estimator))
        check_is_fitted(subject.last)
        return subject

    @classmethod
    def _of_pipeline(cls, pipeline: Pipeline) -> Self:
        last = pipeline.steps[-1][1]
        cutting = [isinstance(step, Windows | Patches) for _, step in pipeline.steps]
        n_cuts = len(cutting) - cutting[::-1].index(True) if any(cutting) else 0
        end = len(pipeline.steps) - 1
        return cls(
            last,
            _kind_of(last, "a Pipeline that ends in "),
            before=pipeline[n_cuts:end] if n_cuts < end else None,
            cuts=pipeline[:n_cuts] if n_cuts else None,
        )

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self.last).__name__

    @property
    def steps(self) -> list[tuple[str, Any]]:
        """All steps with their names; one without a name if this is no Pipeline."""
        parts = [part for part in (self.cuts, self.before) if part is not None]
        return [*(step for part in parts for step in part.steps), ("", self.last)]

    @property
    def autoencoder(self) -> Any:
        """The estimator that encodes rows; of a classifier, its autoencoder."""
        return getattr(self.last, "autoencoder_", self.last)

    @property
    def learned_pairs(self) -> bool:
        """Whether rows become others, and not themselves."""
        return getattr(self.autoencoder, "_target", None) is not None

    def before_last(self, X: Any) -> Any:
        """Return rows as the last step sees them."""
        return X if self.before is None else self.before.transform(X)

    @property
    def encoder(self) -> Any:
        """The autoencoder, with the steps before it: it takes rows of the caller."""
        return self._with_steps(self.autoencoder)

    @property
    def whole(self) -> Any:
        """The estimator without the steps that cut arrays."""
        return self._with_steps(self.last)

    @property
    def decodes_to_caller(self) -> bool:
        """Whether decoded rows are like those of the caller, and not of the last step."""
        return self.before is None or has_method(self.before, "inverse_transform")

    def at_last_step(self) -> "Subject":
        """Return the last step alone."""
        return replace(self, before=None, cuts=None)

    def _with_steps(self, last: Any) -> Any:
        return last if self.before is None else Pipeline([*self.before.steps, ("last", last)])


def _kind_of(estimator: Any, container: str = "") -> Kind:
    if isinstance(estimator, Encoder | Decoder):
        name = type(estimator).__name__
        raise TypeError(
            f"{name} is one half of an autoencoder, and there is nothing to compare rows with. "
            f"Report on the whole: report({name.lower()}.autoencoder, X)."
        )
    if isinstance(estimator, BaseAutoencoder):
        return "autoencoder"
    kind = next((_KINDS[one] for one in _KINDS if isinstance(estimator, one)), None)
    if kind is None:
        what = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        is_class = "the class " if isinstance(estimator, type) else ""
        raise TypeError(
            f"A report needs a fitted estimator of skae, or a Pipeline that ends in one, got "
            f"{container}{is_class}{what}."
        )
    return kind
