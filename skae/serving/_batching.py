"""Rows of several requests, computed together.

Whatever waits when the model becomes free is its next batch: nobody waits for a timer, one request
alone is answered at once, and under load batches grow by themselves.
"""

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from time import perf_counter

import numpy as np

from ._refusal import Refusal
from ._shown import cut


@dataclass(frozen=True)
class _Job:
    inputs: tuple
    answer: asyncio.Future

    def __len__(self):
        """Return how many rows it has."""
        return len(self.inputs[0])


class Batcher:
    """A queue before a model that runs on one thread.

    It belongs to one event loop at a time; what waited in one that ended is forgotten.

    Parameters
    ----------
    run : callable
        Maps a tuple of inputs and a tuple of names to a dict of arrays, on the thread.
    max_queue : int
        Rows that may wait. One request may always wait, however many rows it has.
    max_batch : int
        Rows that are computed together. A request of more is a batch of its own.
    metrics : Metrics
        Told of every batch.
    """

    def __init__(self, run, max_queue, max_batch, metrics):
        self._run = run
        self._max_queue, self._max_batch = max_queue, max_batch
        self._metrics = metrics
        # Rows of the same dtypes for the same outputs go together; such groups take turns.
        self._waiting = {}
        self._n_waiting = 0
        self._batch = []
        self._busy = False
        self._loop = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="skae-serving")

    @property
    def busy(self):
        """Whether rows wait or are being computed."""
        return self._busy

    def submit(self, inputs, names):
        """Queue rows.

        Parameters
        ----------
        inputs : tuple of ndarray
            The inputs that a request holds, with one entry a row each.
        names : tuple of str
            The outputs that it asks for.

        Returns
        -------
        answer : Future
            Of a dict of arrays.

        Raises
        ------
        Refusal
            If the queue is full.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        job = _Job(inputs, loop.create_future())
        if self._n_waiting and self._n_waiting + len(job) > self._max_queue:
            raise Refusal(
                f"The queue is full: {self._n_waiting} of max_queue={self._max_queue} rows wait. "
                f"Try again in a second, or start further servers.",
                503,
                {"Retry-After": "1"},
            )
        dtypes = tuple(values.dtype for values in inputs)
        self._waiting.setdefault((dtypes, names), deque()).append(job)
        self._metrics.accept(len(job))
        self._count_waiting(len(job))
        if not self._busy:
            self._busy = True
            # Whoever came in the same turn of the loop joins the batch.
            loop.call_soon(self._start, loop)
        return job.answer

    def give_up(self):
        """Refuse whatever waits or is being computed."""
        for job in chain(self._batch, *self._waiting.values()):
            if not job.answer.done():
                job.answer.set_exception(Refusal("The server was told to stop at once.", 503))

    def _begin(self, loop):
        """Forget a loop that ended, perhaps in the middle of a computation."""
        self._loop, self._busy, self._batch, self._waiting = loop, False, [], {}
        self._count_waiting(-self._n_waiting)

    def _start(self, loop):
        """Hand the next batch to the thread, if anything waits."""
        if not self._waiting:
            self._busy = False
            return
        key, jobs = next(iter(self._waiting.items()))
        batch = [jobs.popleft()]
        n_rows = len(batch[0])
        while jobs and n_rows + len(jobs[0]) <= self._max_batch:
            batch.append(jobs.popleft())
            n_rows += len(batch[-1])
        del self._waiting[key]
        if jobs:
            self._waiting[key] = jobs
        self._batch = batch
        self._count_waiting(-n_rows)
        self._executor.submit(self._compute, loop, batch, key[1])

    def _compute(self, loop, batch, names):
        """Compute a batch; this is what the thread does."""
        start = perf_counter()
        answers = self._answers(batch, names)
        loop.call_soon_threadsafe(self._deliver, loop, batch, answers, perf_counter() - start)

    def _answers(self, batch, names):
        try:
            if len(batch) == 1:
                return [self._run(batch[0].inputs, names)]
            inputs = zip(*(job.inputs for job in batch), strict=True)
            results = self._run(tuple(map(np.concatenate, inputs)), names)
        except ValueError as error:
            if len(batch) == 1:
                return [Refusal(f"The model does not take these rows: {cut(error)}")]
            # Only the request whose rows the model does not take shall hear of it.
            half = len(batch) // 2
            return self._answers(batch[:half], names) + self._answers(batch[half:], names)
        except BaseException as error:
            # Also SystemExit and the panics of Rust: the thread serves those who come next.
            logging.getLogger(__name__).error("The model failed", exc_info=error)
            message = "The model failed; the log of the server says why."
            return [Refusal(message, 500) for _ in batch]
        ends = np.cumsum([len(job) for job in batch])
        slices = [slice(end - len(job), end) for job, end in zip(batch, ends, strict=True)]
        return [{name: values[part] for name, values in results.items()} for part in slices]

    def _deliver(self, loop, batch, answers, seconds):
        self._metrics.batch(sum(map(len, batch)), seconds)
        for job, answer in zip(batch, answers, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, Refusal):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)
        self._start(loop)

    def _count_waiting(self, n_rows):
        self._n_waiting += n_rows
        self._metrics.waiting(self._n_waiting)
