"""Prometheus metrics of a server."""

from typing import Any

# Batches hold one row or many, and take from a fraction of a millisecond to seconds.
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """Counters of one served model, in a registry of their own.

    `n_accepted` requests were queued, and `n_answered` of them have their answer.
    """

    def __init__(self, name: str) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self.n_accepted = self.n_answered = 0

        def make(kind: Any, metric: str, text: str, **params: Any) -> Any:
            # With its label a metric is there before the first request.
            made = kind(f"skae_{metric}", text, ["model"], registry=self._registry, **params)
            return made.labels(name)

        self._accepted = make(Counter, "accepted_requests", "Requests that were queued.")
        self._rows = make(Counter, "accepted_rows", "Rows of the requests that were queued.")
        self._waiting = make(Gauge, "waiting_rows", "Rows in the queue.")
        self._batch_rows = make(Histogram, "batch_rows", "Rows computed together.", buckets=_ROWS)
        self._batch_seconds = make(
            Histogram, "batch_seconds", "Time in the model.", buckets=_SECONDS
        )
        self._request_seconds = make(
            Histogram, "request_seconds", "From a whole request to its answer.", buckets=_SECONDS
        )
        answers = "Answers to inference, by HTTP status."
        self._answers = Counter("skae_answers", answers, ["model", "code"], registry=self._registry)
        self._name = name

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
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
