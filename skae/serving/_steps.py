"""First and last steps of Pipelines, also behind searches."""


def first_step(estimator):
    """Return the step that rows reach first; of what has no steps, itself."""
    return _step(estimator, 1)


def last_step(estimator):
    """Return the step that decides in the end; of what has no steps, itself."""
    return _step(estimator, -1)


def _step(estimator, direction):
    if hasattr(estimator, "steps"):
        working = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return _step(working[::direction][0], direction) if working else estimator
    if hasattr(estimator, "best_estimator_"):
        return _step(estimator.best_estimator_, direction)
    return estimator
