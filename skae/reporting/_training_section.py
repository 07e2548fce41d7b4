"""The section about the training."""

from typing import Any

from skae.displays import LossCurveDisplay

from ._parts import Section
from ._pictures import picture
from ._subject import Subject
from ._words import number


def training_section(subject: Subject) -> Section | None:
    """Return the loss curve; None for estimators that keep none."""
    last = subject.last
    if not getattr(last, "loss_curve_", None):
        return None
    section = Section("Training")
    curve: list[Any] = last.loss_curve_
    epochs = f"{len(curve)} epoch{'s' * (len(curve) > 1)}"
    alt = f"Loss curve over {epochs}: from {number(curve[0])} to {number(curve[-1])}."
    caption = (
        "The objective after each epoch. A curve that still falls asks for more epochs; held-out "
        "rows whose loss rises again were learned by heart."
    )
    section.parts.append(picture(lambda: LossCurveDisplay.from_estimator(last), alt, caption))
    if getattr(last, "column_losses_", None):
        section.parts.append(
            picture(
                lambda: LossCurveDisplay.from_estimator(last, kind="columns"),
                "Loss curves of the columns that are hardest at the end.",
                "The loss of each column after each epoch.",
            )
        )
    return section
