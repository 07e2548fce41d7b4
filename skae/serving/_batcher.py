"""A queue in which rows of several requests are computed together.

Whatever waits when the model becomes free is its next batch: nobody waits for a timer, one request
alone is answered at once, and under load batches grow by themselves.
"""

import asyncio
import logging
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from time import perf_counter

import numpy as np

from ._metrics import Metrics
from ._refusal import Refusal, error_excerpt
from ._served_model import Inputs, Names, Outputs, ServedModel


@dataclass(frozen=True)
class _Job:
    """The rows of one request, and the future of its answer."""

    inputs: Inputs
    answer: "asyncio.Future[Outputs]"

    def __len__(self) -> int:
        return len(self.inputs[0])


# A model, dtypes of its inputs, and names of its outputs.
_Group = tuple[ServedModel, tuple[np.dtype, ...], Names]


class Batcher:
    """A queue in front of a model, or of one after the other, on one thread.

    `max_queue` rows may wait, but one request may always wait, however many rows it has. Up to
    `max_batch` rows are computed together; a request of more is a batch of its own. The queue
    belongs to one event loop at a time, and forgets the requests of a loop that ended.
    """

    def __init__(self, max_queue: int, max_batch: int, metrics: Metrics) -> None:
        self._max_queue, self._max_batch = max_queue, max_batch
        self._metrics = metrics
        # Rows of a group are computed together; groups take turns.
        self._waiting: dict[_Group, deque[_Job]] = {}
        self._n_waiting = 0
        self._batch: list[_Job] = []
        # Whether rows wait or are being computed.
        self.busy = False
        self._loop: AbstractEventLoop | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="skae-serving")

    def submit(self, model: ServedModel, inputs: Inputs, names: Names) -> "asyncio.Future[Outputs]":
        """Queue rows for a model, with one entry in each input; return the future of their outputs.

        A full queue raises a `Refusal`.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._forget_for(loop)
        job = _Job(inputs, loop.create_future())
        if self._n_waiting and self._n_waiting + len(job) > self._max_queue:
            raise Refusal(
                f"The queue is full: {self._n_waiting} of max_queue={self._max_queue} rows wait. "
                f"Try again in a second, or start further servers.",
                503,
                {"Retry-After": "1"},
            )
        dtypes = tuple(values.dtype for values in inputs)
        self._waiting.setdefault((model, dtypes, names), deque()).append(job)
        self._metrics.count_accepted(len(job))
        self._count_waiting(len(job))
        if not self.busy:
            self.busy = True
            # Requests that come in the same turn of the loop join the batch.
            loop.call_soon(self._start, loop)
        return job.answer

    def give_up(self) -> None:
        """Refuse all requests that wait or are being computed."""
        for job in chain(self._batch, *self._waiting.values()):
            if not job.answer.done():
                job.answer.set_exception(Refusal("The server was told to stop at once.", 503))

    def _forget_for(self, loop: AbstractEventLoop) -> None:
        """Begin anew in a loop; the one before may have ended in the middle of a computation."""
        self._loop, self.busy, self._batch, self._waiting = loop, False, [], {}
        self._count_waiting(-self._n_waiting)

    def _start(self, loop: AbstractEventLoop) -> None:
        """Hand the next batch to the thread, if any rows wait."""
        if not self._waiting:
            self.busy = False
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
        self._executor.submit(self._compute, loop, batch, key[0], key[2])

    def _compute(
        self, loop: AbstractEventLoop, batch: list[_Job], model: ServedModel, names: Names
    ) -> None:
        """Compute a batch on the thread, and deliver it in the loop."""
        start = perf_counter()
        answers = self._answers(batch, model, names)
        loop.call_soon_threadsafe(self._deliver, loop, batch, answers, perf_counter() - start)

    def _answers(
        self, batch: list[_Job], model: ServedModel, names: Names
    ) -> Sequence[Outputs | Refusal]:
        """Return an answer for each job."""
        try:
            if len(batch) == 1:
                return [model.run(batch[0].inputs, names)]
            inputs = zip(*(job.inputs for job in batch), strict=True)
            results = model.run(tuple(map(np.concatenate, inputs)), names)
        except ValueError as error:
            if len(batch) == 1:
                return [Refusal(f"The model does not take these rows: {error_excerpt(error)}")]
            # Only the request whose rows the model refuses shall hear of it.
            half = len(batch) // 2
            halves = batch[:half], batch[half:]
            return [answer for part in halves for answer in self._answers(part, model, names)]
        except BaseException as error:
            # Also SystemExit and the panics of Rust: the thread serves those who come next.
            logging.getLogger(__name__).error("The model failed", exc_info=error)
            message = "The model failed; the log of the server says why."
            return [Refusal(message, 500) for _ in batch]
        ends = np.cumsum([len(job) for job in batch])
        slices = [slice(end - len(job), end) for job, end in zip(batch, ends, strict=True)]
        return [{name: values[part] for name, values in results.items()} for part in slices]

    def _deliver(
        self,
        loop: AbstractEventLoop,
        batch: list[_Job],
        answers: Sequence[Outputs | Refusal],
        seconds: float,
    ) -> None:
        self._metrics.count_batch(sum(map(len, batch)), seconds)
        for job, answer in zip(batch, answers, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, Refusal):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)
        self._start(loop)

    def _count_waiting(self, n_rows: int) -> None:
        self._n_waiting += n_rows
        self._metrics.set_waiting(self._n_waiting)
