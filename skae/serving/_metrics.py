"""Prometheus metrics of a server, which may have several processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Batches hold one row or many, and take from a fraction of a millisecond to seconds.
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_metrics(folder: str) -> Iterator[None]:
    """Keep the metrics that are made in this context in a folder that several processes share."""
    from prometheus_client import values

    before = os.environ.get(_FOLDER), values.ValueClass
    # The library reads the variable when it is imported, which may have been long ago.
    os.environ[_FOLDER], values.ValueClass = folder, values.MultiProcessValue()
    try:
        yield
    finally:
        values.ValueClass = before[1]
        if before[0] is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = before[0]


def forget_process(pid: int, folder: str) -> None:
    """Remove the gauges of a process that has ended; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid, folder)


class Metrics:
    """Counters of one served model, of this process or, in a folder, of several.

    `n_accepted` requests were queued in this process, and `n_answered` of them have their answer.
    """

    def __init__(self, name: str, folder: str | None = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._folder = folder
        self.n_accepted = self.n_answered = 0

        def make(kind: Any, metric: str, text: str, **params: Any) -> Any:
            # With its label a metric is there before the first request.
            made = kind(f"skae_{metric}", text, ["model"], registry=self._registry, **params)
            return made.labels(name)

        self._accepted = make(Counter, "accepted_requests", "Requests that were queued.")
        self._rows = make(Counter, "accepted_rows", "Rows of the requests that were queued.")
        self._waiting = make(
            Gauge, "waiting_rows", "Rows in the queue.", multiprocess_mode="livesum"
        )
        self._batch_rows = make(Histogram, "batch_rows", "Rows computed together.", buckets=_ROWS)
        self._batch_seconds = make(
            Histogram, "batch_seconds", "Time in the model.", buckets=_SECONDS
        )
        self._request_seconds = make(
            Histogram, "request_seconds", "From a whole request to its answer.", buckets=_SECONDS
        )
        answers = "Answers to inference, by HTTP status."
        self._answers = Counter("skae_answers", answers, ["model", "code"], registry=self._registry)
        self._reloads = {
            taken: Counter(f"skae_{metric}", text, ["model"], registry=self._registry).labels(name)
            for taken, metric, text in (
                (True, "reloads", "Replaced model files that were taken."),
                (False, "refused_reloads", "Replaced model files that cannot be served."),
            )
        }
        self._workers = Gauge(
            "skae_workers",
            "Processes that answer with the model file of this SHA-256.",
            ["model", "sha256"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._name = name
        self._digest: str | None = None

    def count_reload(self, taken: bool) -> None:
        """Count a model file that was replaced, and taken or refused."""
        self._reloads[taken].inc()

    def set_digest(self, digest: str) -> None:
        """Set the SHA-256 of the file of the model that answers; "" if it came from no file."""
        if self._digest is not None:
            # A label cannot be removed from metrics that processes share.
            self._workers.labels(self._name, self._digest).set(0)
        self._workers.labels(self._name, digest).set(1)
        self._digest = digest

    def count_accepted(self, n_rows: int) -> None:
        """Count a request that was queued."""
        self.n_accepted += 1
        self._accepted.inc()
        self._rows.inc(n_rows)

    def count_answer(self, status: int, seconds: float, accepted: bool) -> None:
        """Count an answer; `accepted` tells whether its request had been queued."""
        self.n_answered += accepted
        self._answers.labels(self._name, status).inc()
        self._request_seconds.observe(seconds)

    def count_batch(self, n_rows: int, seconds: float) -> None:
        """Count a batch that was computed."""
        self._batch_rows.observe(n_rows)
        self._batch_seconds.observe(seconds)

    def set_waiting(self, n_rows: int) -> None:
        """Set how many rows wait."""
        self._waiting.set(n_rows)

    def text(self) -> tuple[bytes, str]:
        """Return all metrics in Prometheus's text format, and the content type of that."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._folder)
        return generate_latest(registry), CONTENT_TYPE_LATEST
