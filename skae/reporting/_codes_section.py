"""The section about the codes."""

import numpy as np

from skae.displays import ComponentsDisplay, LatentSpaceDisplay
from skae.estimators.base import has_classes

from ._case import Case
from ._parts import Section, Table
from ._pictures import picture
from ._words import number

# Most components of the table.
_N_COMPONENTS = 20


def codes_section(case: Case) -> Section:
    """Return where rows lie, and what the components stand for."""
    section = Section("Codes")
    codes = case.codes
    n_rows, n_components = codes.shape
    by_pca = n_components > 2 and n_rows > 2
    classes = None
    if case.subject.kind == "classifier":
        classes = case.subject.whole.predict(case.sample.X)
    how = "the two directions in which codes vary most" if by_pca else "the codes"
    coloured = ", coloured by the class that is predicted" if classes is not None else ""
    section.parts.append(
        picture(
            lambda: LatentSpaceDisplay.from_predictions(
                codes, classes, method="pca" if by_pca else "codes"
            ),
            f"The codes of {n_rows:,} rows in a plane{coloured}.",
            f"Rows by {how}{coloured}.",
        )
    )
    # The columns of a conditional autoencoder depend on the class, too.
    if not case.subject.learned_pairs and not has_classes(case.subject.autoencoder):
        section.parts.append(
            picture(
                lambda: ComponentsDisplay.from_estimator(
                    case.decoder, case.rows, random_state=case.seed
                ),
                "How far columns change with each component of the code.",
                "What components speak of: how far a column changes with a component, in standard "
                "deviations of both.",
            )
        )
    shown = codes[:, :_N_COMPONENTS]
    with np.errstate(invalid="ignore"):
        numbers = np.column_stack(
            [shown.mean(axis=0), shown.std(axis=0), shown.min(axis=0), shown.max(axis=0)]
        )
    rows = [[f"code {i}", *map(number, row)] for i, row in enumerate(numbers)]
    first = f"The first {len(rows)} of {n_components:,} codes" if n_components > len(rows) else ""
    caption = f"{first or 'Codes'} of these rows"
    head = ["Code", "Mean", "Standard deviation", "Lowest", "Highest"]
    section.parts.append(Table(caption, head, rows, numbers=range(1, 5)))
    return section
