"""The section about what a classifier or a regressor predicts."""

import numpy as np

from ._case import Case
from ._parts import Cell, Section, Table
from ._words import NOTHING, number, percent

_QUANTILES = {"Lowest": 0.0, "A quarter below": 0.25, "Half below": 0.5}
_QUANTILES |= {"Three quarters below": 0.75, "Highest": 1.0}


def predictions_section(case: Case) -> Section:
    """Return the shares of predicted classes, or how predicted numbers are spread."""
    section = Section("Predictions")
    predicted = np.asarray(case.subject.whole.predict(case.sample.X))
    if case.subject.kind == "regressor":
        section.parts.append(_numbers(predicted.reshape(len(predicted), -1)))
    else:
        section.parts.append(_classes(case, predicted))
    return section


def _classes(case: Case, predicted: np.ndarray) -> Table:
    probabilities = case.subject.whole.predict_proba(case.sample.X)
    surest = probabilities.max(axis=1)
    rows = []
    for one in case.subject.last.classes_:
        mine = predicted == one
        share = float(mine.mean())
        sure = number(surest[mine].mean()) if mine.any() else NOTHING
        rows.append([str(one), f"{mine.sum():,}", Cell(percent(share), share), sure])
    head = ["Class", "Rows", "Share", "Mean probability where predicted"]
    return Table("Predicted classes", head, rows, numbers=(1, 2, 3))


def _numbers(predicted: np.ndarray) -> Table:
    names = ["prediction"] if predicted.shape[1] == 1 else None
    quantiles = np.quantile(predicted, [*_QUANTILES.values()], axis=0).T
    rows = [
        [names[0] if names else f"output {i}", number(of_one.mean()), *map(number, quantiles[i])]
        for i, of_one in enumerate(predicted.T)
    ]
    head = ["Output", "Mean", *_QUANTILES]
    return Table("Predicted numbers", head, rows, numbers=range(1, len(head)))
