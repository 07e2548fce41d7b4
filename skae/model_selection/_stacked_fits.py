"""A backend of joblib whose jobs train their networks as one stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import Any

from joblib import parallel_config
from joblib.parallel import ThreadingBackend
from sklearn.utils import check_scalar

from skae.engine import Meeting


@contextmanager
def stacked_fits(n_fits: int = 20) -> Iterator[None]:
    """Let candidates and folds of a search train as one stack while the context lasts.

    A small network spends most of its time between its matrix products, above all on a GPU.
    Networks of one shape on equally many rows are therefore trained side by side by products of
    stacks. This holds for whatever scikit-learn runs through joblib, such as
    :class:`~sklearn.model_selection.GridSearchCV`,
    :class:`~sklearn.model_selection.RandomizedSearchCV` and
    :func:`~sklearn.model_selection.cross_validate`, with an estimator of skae or a Pipeline that
    holds one.

    Parameters
    ----------
    n_fits : int, default=20
        How many fits meet, at least 2. Twenty are four candidates on five folds. The rows and
        networks of all that meet are in memory at once.

    Raises
    ------
    ValueError
        If `n_fits` is below 2.

    See Also
    --------
    skae.compare : Several estimators beside PCA on the same folds.

    Notes
    -----
    Results are those of a search without the context, up to the rounding of sums. A candidate that
    fails does so alone. Times in `cv_results_` are those of all fits that met. All else in a job,
    such as its scores, runs one job at a time, and so do estimators of other libraries: give them
    a search of their own. A search whose `n_jobs` is set uses that instead of `n_fits`.

    Dense networks form stacks, each of one number of components, widths and rows. Other networks
    take turns, epoch by epoch, and gain nothing.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skae import AutoencoderTransformer
    >>> from skae.model_selection import stacked_fits
    >>> X = load_digits().data[:200]
    >>> ae = AutoencoderTransformer(hidden_layer_sizes=(32,), max_iter=5, random_state=0)
    >>> search = GridSearchCV(ae, {"n_components": [2, 8]}, cv=5)
    >>> with stacked_fits(10):
    ...     search.fit(X).best_params_
    {'n_components': 8}
    """
    check_scalar(n_fits, "n_fits", Integral, min_val=2)
    with parallel_config(_StackingBackend(), n_jobs=int(n_fits)):
        yield


class _StackingBackend(ThreadingBackend):
    """Threads that work one at a time, and meet where they train."""

    _meeting: Meeting

    def configure(self, n_jobs: int = 1, parallel: Any = None, **how: Any) -> int:
        n_jobs = super().configure(n_jobs, parallel, **how)
        self._meeting = Meeting(n_jobs)
        return n_jobs

    def _get_pool(self) -> Any:
        return _Seats(super()._get_pool(), self._meeting)

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        # All jobs that are dispatched at first are known by now.
        self._meeting.open()
        with super().retrieval_context():
            yield

    def terminate(self) -> None:
        self._meeting.cancel()
        super().terminate()


class _Seats:
    """A pool of threads whose jobs attend a meeting."""

    def __init__(self, pool: Any, meeting: Meeting) -> None:
        self._pool, self._meeting = pool, meeting

    def apply_async(self, job: Any, arguments: tuple, **callbacks: Any) -> Any:
        self._meeting.expect()
        attend = partial(self._meeting.attend, partial(job, *arguments))
        return self._pool.apply_async(attend, **callbacks)
